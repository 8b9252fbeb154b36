import { HubApiError } from '@huggingface/hub';
import { EcolinkError, fail } from '../base/errors.ts';
import { redact } from '../base/secret-shapes.ts';

/** What the Hub said with a failing status, as far as the client library would drop it. */
export interface HubAnswer {
  status: number;
  code: string | undefined;
  message: string | undefined;
  /** Seconds until it takes requests again. */
  retryAfter: number | undefined;
}

export interface Asked {
  repo: string;
  revision: string;
  credential: string | undefined;
}

/** Turns what a call to the Hub threw into the one error that names its cause. `answer` is the failing response, if any. */
export function hubError(thrown: unknown, answer: HubAnswer | undefined, asked: Asked): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  const status = answer?.status ?? (thrown instanceof HubApiError ? thrown.statusCode : undefined);
  if (status === undefined && thrown instanceof SyntaxError) return notAHub(thrown);
  if (status === undefined) {
    return fail('hub_unreachable', `The Hugging Face Hub could not be reached${reasonOf(thrown)}.`, {
      nextStep: 'Check the network, HF_ENDPOINT and HTTPS_PROXY, then try again.',
      cause: thrown,
    });
  }
  return ofStatus(status, answer, asked) ?? unexpectedStatus(status, thrown);
}

/** A proxy's sign-in page, or HF_ENDPOINT pointing elsewhere. */
export function notAHub(cause?: unknown): EcolinkError {
  return fail('hub_error', "What answers at the Hub's address does not answer like a Hub.", {
    nextStep: 'Check HF_ENDPOINT, and whether a proxy or a sign-in page stands in between.',
    cause,
  });
}

function ofStatus(status: number, answer: HubAnswer | undefined, asked: Asked): EcolinkError | undefined {
  if (answer?.code === 'GatedRepo') return gated(answer.message, asked);
  if (answer?.code === 'RevisionNotFound') return revisionNotFound(asked);
  if (answer?.code === 'DisabledRepo' || /disabled/i.test(wordsOf(answer?.message, asked))) {
    return fail('repo_disabled', `${asked.repo} has been disabled on the Hub.`, {
      nextStep: 'Use another repo.',
      field: 'repo',
    });
  }
  if (answer?.code === 'RepoNotFound' || status === 401 || status === 404) return repoNotFound(asked);
  if (status === 403 && asked.credential === undefined) {
    return fail('access_refused', `The Hub refuses access to ${asked.repo}${said(answer)}.`, {
      nextStep: 'Look at its page on the Hub; a credential may be needed.',
      field: 'repo',
    });
  }
  if (status === 403) {
    return fail('token_scope', `The token may not read ${asked.repo}${said(answer)}.`, {
      nextStep: 'Give the token read access to this repo in its settings on the Hub, or use another credential.',
      field: 'credential',
    });
  }
  if (status === 429) {
    return fail('rate_limited', 'The Hub refuses more requests for now.', {
      nextStep: `Try again in ${answer?.retryAfter ?? 'about 300'} seconds${asked.credential === undefined ? ', or name a credential: its limits are higher' : ''}.`,
    });
  }
  return undefined;
}

/** The Hub's sentence without the repo's own name, which may hold any word. */
function wordsOf(message: string | undefined, asked: Asked): string {
  return (message ?? '').replaceAll(asked.repo, '');
}

function gated(message: string | undefined, asked: Asked): EcolinkError {
  const text = wordsOf(message, asked);
  const page = `its page on the Hub (${asked.repo})`;
  if (asked.credential === undefined) {
    return fail('gated_repo', `${asked.repo} is gated and no credential was given.`, {
      nextStep: `Ask for access on ${page}, then name a credential whose account has it.`,
      field: 'credential',
    });
  }
  if (/awaiting|pending/i.test(text)) {
    return fail('gated_awaiting_review', `Access to ${asked.repo} was asked for and awaits its authors' review.`, {
      nextStep: 'Wait for the review, then try again.',
      field: 'credential',
    });
  }
  if (/reject/i.test(text)) {
    return fail('gated_rejected', `The authors of ${asked.repo} rejected the request for access.`, {
      nextStep: 'Use another repo, or a credential whose account has access.',
      field: 'credential',
    });
  }
  if (/scope|fine-grained|permission|settings\/tokens/i.test(text)) {
    return fail('token_scope', `The token may not read gated repos, ${asked.repo} among them.`, {
      nextStep: 'Turn on "read access to gated repos" in the token\'s settings on the Hub.',
      field: 'credential',
    });
  }
  return fail(
    'gated_not_requested',
    `${asked.repo} is gated and the account behind the credential has not asked for access.`,
    {
      nextStep: `Ask for access on ${page}, then try again.`,
      field: 'credential',
    },
  );
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

/** The client library sends whatever it is given, `a/../../x` too. */
export function checkRepoName(repo: string): void {
  if (repoShape.test(repo) && !repo.includes('..') && !repo.includes('--')) return;
  throw fail('bad_repo', `"${repo.slice(0, 100)}" is not the name of a Hugging Face repo.`, {
    nextStep: 'Write it as owner/name, as in the address of its page, without https://.',
    field: 'repo',
  });
}

/** Git's own rules, shortened: what could change the meaning of a URL is out. */
export function checkRevision(revision: string): void {
  if (/^[A-Za-z0-9][\w./-]{0,199}$/.test(revision) && !revision.includes('..') && !revision.includes('//')) return;
  throw fail('bad_revision', `"${revision.slice(0, 100)}" is not a branch, tag or commit.`, {
    nextStep: 'Give a branch, a tag or a commit of 40 hex digits; without one, main is used.',
    field: 'revision',
  });
}
