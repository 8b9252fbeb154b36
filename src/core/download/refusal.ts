import type { RefusalCode } from '../hub/read-refusal.ts';

/** The refusal in a sentence, with the Hub's own words where they may say more. */
export function describeRefusal(code: RefusalCode, repo: string, path: string, hubSays: string): string {
  const words = plainText(hubSays);
  const said = words === '' ? '' : ` The Hub says: ${words}`;
  const sentences: Record<RefusalCode, string> = {
    gated_repo: `${repo} is gated, and the download has no token.${said}`,
    gated_not_requested: `${repo} is gated, and the token's account has not asked for access.${said}`,
    gated_awaiting_review: `${repo} is gated, and the request for access awaits its authors' review.${said}`,
    gated_rejected: `${repo} is gated, and its authors rejected the request for access.${said}`,
    token_scope: `The token's permissions do not cover ${repo}.${said}`,
    token_refused: `The Hub does not accept the token: it is wrong, expired or revoked.${said}`,
    access_refused: `The Hub refuses access to ${repo} without a token.${said}`,
    repo_not_found: `${repo} does not exist, or it is private and may not be read with what was given.`,
    revision_not_found: `${repo} no longer has the commit that was registered.`,
    file_not_found: `${repo} has no file ${path} at that commit.`,
    repo_disabled: `The Hub has disabled access to ${repo}.`,
  };
  return sentences[code];
}

/** Another party's text, made fit for one line of a person's screen. */
function plainText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
}
