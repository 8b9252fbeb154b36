/**
 * What the values of tokens look like: the Hub's, EcoLink's, Slack's. Eight characters are enough, so a cut token counts too.
 * The one definition: whatever input refuses, logs redact.
 */
const shape = /\b(?:hf_[A-Za-z0-9]{8,}|eco_[A-Za-z0-9_-]{8,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})/;
const everyShape = new RegExp(shape, 'g');

/** True if the text holds what looks like the value of a token. */
export function looksLikeToken(text: string): boolean {
  return shape.test(text);
}

/** Replaces everything that looks like a token, and the query strings of URLs, which may hold signatures. */
export function redact(text: string): string {
  return text.replace(everyShape, '[redacted]').replace(/(https?:\/\/[^\s"'?]+)\?[^\s"']+/g, '$1?[redacted]');
}
