import type { RefusalCode } from '../hub/read-refusal.ts';

/** The refusal in one sentence, followed by the Hub's own message if it may help. */
export function describeRefusal(code: RefusalCode, repo: string, path: string, hubSays: string): string {
  const words = plainText(hubSays);
  const said = words === '' ? '' : ` The Hub says: ${words}`;
  const sentences: Record<RefusalCode, string> = {
    gated_repo: `${repo} is gated, and the download has no token.${said}`,
    gated_not_requested: `${repo} is gated, and the account of the token has not asked for access.${said}`,
    gated_awaiting_review: `${repo} is gated, and its authors have not answered the request for access.${said}`,
    gated_rejected: `${repo} is gated, and its authors rejected the request for access.${said}`,
    token_scope: `The token's permissions do not cover ${repo}.${said}`,
    token_refused: `The Hub does not accept the token: it is wrong, expired or revoked.${said}`,
    access_refused: `The Hub refuses access to ${repo} without a token.${said}`,
    repo_not_found: `${repo} does not exist, or it is private and the download has no access to it.`,
    revision_not_found: `${repo} no longer has the commit that was registered.`,
    file_not_found: `${repo} has no file ${path} at that commit.`,
    repo_disabled: `The Hub has disabled access to ${repo}.`,
  };
  return sentences[code];
}

/** Text of a server on one line, without control characters and cut to 300 characters. */
function plainText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
