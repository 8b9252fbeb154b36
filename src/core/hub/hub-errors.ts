import { HubApiError } from '@huggingface/hub';
import { certificateErrorCode, trustAuthority } from '../base/certificate-error.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { redact } from '../base/secret-shapes.ts';
import { TooLarge } from './bounded-answer.ts';
import type { RefusalCode } from './read-refusal.ts';

/** The parts of a failing answer that the client library drops. */
export interface HubAnswer {
  status: number;
  code: string | undefined;
  message: string | undefined;
  /** Seconds until it takes requests again. */
  retryAfter: number | undefined;
}

/** Thrown in place of a failing answer, so that the client library cannot drop its headers. */
export class FailedAnswer extends Error {
  override readonly name = 'FailedAnswer';
  readonly answer: HubAnswer;

  constructor(answer: HubAnswer) {
    super(`status ${answer.status}`);
    this.answer = answer;
  }
}

export interface Asked {
  repo: string;
  revision: string;
  credential: string | undefined;
  /** Of the file that was asked for, if it was one. */
  path?: string;
}

/** The error for what a call to the Hub threw. `code`: how its refusal was read. */
export function hubError(thrown: unknown, asked: Asked, code?: RefusalCode): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  const answer = thrown instanceof FailedAnswer ? thrown.answer : undefined;
  if (code) return refusalErrors[code](asked, answer);
  const status = answer?.status ?? (thrown instanceof HubApiError ? thrown.statusCode : undefined);
  if (status === undefined && (thrown instanceof SyntaxError || thrown instanceof TooLarge)) return notAHub(thrown);
  const certificate = status === undefined ? certificateErrorCode(thrown) : undefined;
  if (certificate !== undefined) {
    return fail(
      'certificate_not_trusted',
      `The certificate of the Hugging Face Hub is not accepted (${certificate}).`,
      {
        nextStep: trustAuthority,
        cause: thrown,
      },
    );
  }
  if (status === undefined) {
    return fail('hub_unreachable', `The Hugging Face Hub could not be reached${reasonOf(thrown)}.`, {
      nextStep: 'Check the network, HF_ENDPOINT and HTTPS_PROXY, then try again.',
      cause: thrown,
    });
  }
  return status === 429 ? rateLimited(answer, asked) : unexpectedStatus(status, thrown);
}

/** A proxy's sign-in page, or HF_ENDPOINT pointing elsewhere. */
export function notAHub(cause?: unknown): EcolinkError {
  return fail('hub_error', "What answers at the Hub's address does not answer like a Hub.", {
    nextStep: 'Check HF_ENDPOINT, and whether a proxy or a sign-in page stands in between.',
    cause,
  });
}

const refusalErrors: Record<RefusalCode, (asked: Asked, answer: HubAnswer | undefined) => EcolinkError> = {
  gated_repo: ({ repo }) =>
    fail('gated_repo', `${repo} is gated and no credential was given.`, {
      nextStep: `Ask for access on ${pageOf(repo)}, then name a credential whose account has it.`,
      field: 'credential',
    }),
  gated_not_requested: ({ repo }) =>
    fail('gated_not_requested', `${repo} is gated and the account behind the credential has not asked for access.`, {
      nextStep: `Ask for access on ${pageOf(repo)}, then try again.`,
      field: 'credential',
    }),
  gated_awaiting_review: ({ repo }) =>
    fail('gated_awaiting_review', `Access to ${repo} was asked for and awaits its authors' review.`, {
      nextStep: 'Wait for the review, then try again.',
      field: 'credential',
    }),
  gated_rejected: ({ repo }) =>
    fail('gated_rejected', `The authors of ${repo} rejected the request for access.`, {
      nextStep: 'Use another repo, or a credential whose account has access.',
      field: 'credential',
    }),
  token_scope: tokenScope,
  token_refused: ({ credential }) => tokenRefused(credential),
  access_refused: ({ repo }, answer) =>
    fail('access_refused', `The Hub refuses access to ${repo}${said(answer)}.`, {
      nextStep: 'Look at its page on the Hub; a credential may be needed.',
      field: 'repo',
    }),
  repo_not_found: repoNotFound,
  revision_not_found: revisionNotFound,
  file_not_found: ({ repo, revision, path }) =>
    fail('file_not_found', `${repo} has no file ${path ?? ''} at ${revision}.`, {
      nextStep: "Look at the files on the repo's page.",
      field: 'repo',
    }),
  repo_disabled: ({ repo }) =>
    fail('repo_disabled', `${repo} has been disabled on the Hub.`, { nextStep: 'Use another repo.', field: 'repo' }),
};

function rateLimited(answer: HubAnswer | undefined, asked: Asked): EcolinkError {
  return fail('rate_limited', 'The Hub refuses more requests for now.', {
    nextStep: `Try again in ${answer?.retryAfter ?? 'about 300'} seconds${asked.credential === undefined ? ', or name a credential: its limits are higher' : ''}.`,
  });
}

function pageOf(repo: string): string {
  return `its page on the Hub (${repo})`;
}

function tokenScope({ repo }: Asked, answer: HubAnswer | undefined): EcolinkError {
  if (answer?.code === 'GatedRepo') {
    return fail('token_scope', `The token may not read gated repos, ${repo} among them.`, {
      nextStep: 'Turn on "read access to gated repos" in the token\'s settings on the Hub.',
      field: 'credential',
    });
  }
  return fail('token_scope', `The token may not read ${repo}${said(answer)}.`, {
    nextStep: 'Give the token read access to this repo in its settings on the Hub, or use another credential.',
    field: 'credential',
  });
}

function revisionNotFound(asked: Asked): EcolinkError {
  return fail('revision_not_found', `${asked.repo} has no branch, tag or commit "${asked.revision}".`, {
    nextStep: "Look at the branches and tags on the repo's page; without a revision, main is used.",
    field: 'revision',
  });
}

function repoNotFound(asked: Asked): EcolinkError {
  const unless = asked.credential === undefined ? ', or it is private and needs a credential' : ' for this credential';
  return fail('repo_not_found', `The Hub knows no repo "${asked.repo}"${unless}.`, {
    nextStep: 'Check the spelling: owner/name, as in the address of its page.',
    field: 'repo',
  });
}

/** The Hub answers a bad token with the same 401 as a missing repo: `whoami` has told them apart before this is thrown. */
export function tokenRefused(credential: string | undefined): EcolinkError {
  return fail(
    'token_refused',
    `The Hub refuses the token of the credential "${credential ?? 'env'}": it is wrong, expired or revoked.`,
    {
      nextStep: 'Make a new token on the Hub and replace the credential.',
      field: 'credential',
    },
  );
}

function unexpectedStatus(status: number, cause: unknown): EcolinkError {
  return fail('hub_error', `The Hub answered with status ${status}.`, {
    nextStep: 'Try again in a minute.',
    cause,
  });
}

function said(answer: HubAnswer | undefined): string {
  return answer?.message ? `: ${redact(answer.message).slice(0, 200)}` : '';
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof DOMException && thrown.name === 'TimeoutError') return ' in time: it does not answer';
  const cause: unknown = thrown instanceof Error ? (thrown.cause ?? thrown) : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? ` (${code})` : '';
}

const repoShape = /^(?:[A-Za-z0-9][\w.-]{0,95}\/)?[A-Za-z0-9][\w.-]{0,95}$/;

/** The client library checks nothing: it would also send `a/../../x`. */
export function checkRepoName(repo: string): void {
  if (repoShape.test(repo) && !repo.includes('..') && !repo.includes('--')) return;
  throw fail('bad_repo', `"${repo.slice(0, 100)}" is not the name of a Hugging Face repo.`, {
    nextStep: 'Write it as owner/name, as in the address of its page, without https://.',
    field: 'repo',
  });
}

/** Git's rules, without signs that could change the meaning of a URL. */
export function checkRevision(revision: string): void {
  if (/^[A-Za-z0-9][\w./-]{0,199}$/.test(revision) && !revision.includes('..') && !revision.includes('//')) return;
  throw fail('bad_revision', `"${revision.slice(0, 100)}" is not a branch, tag or commit.`, {
    nextStep: 'Give a branch, a tag or a commit of 40 hex digits; without one, main is used.',
    field: 'revision',
  });
}
