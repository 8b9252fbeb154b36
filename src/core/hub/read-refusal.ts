/** What the Hub says when it refuses, and what it was asked. Downloads read it too: this file imports nothing. */
export interface HubRefusal {
  status: number;
  /** `X-Error-Code`. */
  errorCode: string | undefined;
  /** `X-Error-Message`. */
  errorMessage: string | undefined;
  /** Whether the request had a token with it. */
  withToken: boolean;
  /** Its name may hold any word, and is left out when the message is read. */
  repo: string;
  /** What a 404 without a code is about. */
  asked: 'repo' | 'file';
}

/** Why the Hub refuses. The same code means the same in a registration and in a download. */
export const refusalCodes = [
  /** The repo is gated, and no token was sent. */
  'gated_repo',
  /** The token's account has not asked for access to the gated repo. */
  'gated_not_requested',
  /** The account has asked, and the repo's authors have not answered. */
  'gated_awaiting_review',
  /** The account has asked, and the repo's authors said no. */
  'gated_rejected',
  /** The Hub knows the token, and its permissions do not cover the repo. */
  'token_scope',
  /** The Hub does not know the token, or no longer accepts it. */
  'token_refused',
  /** No token was sent, and the Hub refuses for a reason that has no code. */
  'access_refused',
  /** The repo does not exist, or it is private and was asked for without a token that may read it. */
  'repo_not_found',
  'revision_not_found',
  'file_not_found',
  /** The Hub has closed the repo to everybody. */
  'repo_disabled',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/**
 * What the Hub means by a refusal. `ask_who`: only `whoami-v2` tells a bad token from a hidden repo, see `readWhoAnswer`.
 * Undefined if the answer refuses nothing: the Hub is in trouble, asks for a pause, or did not understand.
 */
export function readRefusal(refusal: HubRefusal): RefusalCode | 'ask_who' | undefined {
  const { status, errorCode, withToken } = refusal;
  if (status < 400 || isPassing(status)) return undefined;
  if (errorCode === 'GatedRepo') return readGate(refusal);
  if (errorCode === 'RevisionNotFound') return 'revision_not_found';
  if (errorCode === 'EntryNotFound') return 'file_not_found';
  if (isDisabled(refusal)) return 'repo_disabled';
  if (status === 401 && withToken) return knowsNoToken(refusal) ? 'token_refused' : 'ask_who';
  if (status === 401 || errorCode === 'RepoNotFound') return 'repo_not_found';
  if (status === 403) return withToken ? 'token_scope' : 'access_refused';
  if (status === 404 || status === 410) return refusal.asked === 'file' ? 'file_not_found' : 'repo_not_found';
  return undefined;
}

/** What the status of `whoami-v2` says about the token of a refused request; undefined if it says nothing. */
export function readWhoAnswer(status: number): 'token_refused' | 'repo_not_found' | undefined {
  if (status === 401) return 'token_refused';
  return isPassing(status) ? undefined : 'repo_not_found';
}

const anotherTokenHelps: ReadonlySet<string> = new Set<RefusalCode>([
  'gated_repo',
  'gated_not_requested',
  'gated_awaiting_review',
  'gated_rejected',
  'token_scope',
  'token_refused',
  'access_refused',
  'repo_not_found',
]);

/** Whether the same request may go well with a token, or with another one. */
export function mayNeedAnotherToken(code: string): boolean {
  return anotherTokenHelps.has(code);
}

/** Too many requests, a timeout, or a server in trouble: another try may go well. */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function readGate(refusal: HubRefusal): RefusalCode {
  const words = wordsOf(refusal);
  if (!refusal.withToken) return 'gated_repo';
  if (/awaiting|pending/i.test(words)) return 'gated_awaiting_review';
  if (/reject/i.test(words)) return 'gated_rejected';
  if (/scope|fine-grained|permission|settings\/tokens/i.test(words)) return 'token_scope';
  return 'gated_not_requested';
}

/** The Hub itself sends a sentence and no code. */
function isDisabled(refusal: HubRefusal): boolean {
  if (refusal.errorCode === 'DisabledRepo' || refusal.status === 451) return true;
  return refusal.status === 403 && /access to this resource is disabled/i.test(wordsOf(refusal));
}

/** The one sentence by which a 401 blames the token. */
function knowsNoToken(refusal: HubRefusal): boolean {
  return /invalid credentials in authorization header/i.test(wordsOf(refusal));
}

function wordsOf({ errorMessage, repo }: HubRefusal): string {
  return (errorMessage ?? '').replaceAll(repo, '');
}
