import type { PullFailureCode } from './manifest.ts';

/** What a Hub says when it refuses: the status, and the two headers in which it says why. */
export interface HubRefusal {
  status: number;
  errorCode: string | undefined;
  errorMessage: string | undefined;
}

/** What the Hub means by it; `ask_who` where only `whoami-v2` can tell a bad token from a missing repo. */
export function classifyRefusal(refusal: HubRefusal, hasToken: boolean): PullFailureCode | 'ask_who' | undefined {
  switch (refusal.errorCode) {
    case 'GatedRepo':
      return 'gated_repo';
    case 'RepoNotFound':
      return 'repo_not_found';
    case 'RevisionNotFound':
      return 'revision_not_found';
    case 'EntryNotFound':
      return 'file_not_found';
    default:
  }
  if (refusal.errorMessage === 'Access to this resource is disabled.' || refusal.status === 451) return 'repo_disabled';
  if (refusal.status === 401) return hasToken ? 'ask_who' : 'repo_not_found';
  if (refusal.status === 403) return hasToken ? 'token_refused' : 'repo_not_found';
  if (refusal.status === 404 || refusal.status === 410) return 'file_not_found';
  return undefined;
}

/** The refusal in a sentence, with the Hub's own words where it has any. */
export function describeRefusal(
  code: PullFailureCode,
  repo: string,
  path: string,
  hubSays: string | undefined,
): string {
  const said = hubSays ? ` The Hub says: ${plainText(hubSays)}` : '';
  switch (code) {
    case 'gated_repo':
      return `${repo} is gated and its files may not be downloaded with what was given.${said}`;
    case 'token_refused':
      return `The Hub refused the access token for ${repo}.${said}`;
    case 'repo_not_found':
      return `${repo} does not exist, or it is private and may not be read with what was given.`;
    case 'revision_not_found':
      return `${repo} no longer has the commit that was registered.`;
    case 'file_not_found':
      return `${repo} has no file ${path} at that commit.`;
    case 'repo_disabled':
      return `The Hub has disabled access to ${repo}.`;
    default:
      return `The Hub refused ${path} of ${repo}.${said}`;
  }
}

/** Another party's text, made fit for one line of a person's screen. */
function plainText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
