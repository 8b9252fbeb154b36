/**
 * What tokens of the Hub, of EcoLink and of Slack look like. Eight characters are enough, so a cut token counts too.
 * The only definition: inputs that match are refused, and logs redact them.
 */
const shape = /\b(?:hf_[A-Za-z0-9]{8,}|eco_[A-Za-z0-9_-]{8,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,})/;
const everyShape = new RegExp(shape, 'g');

/** True if the text contains something that looks like a token. */
export function looksLikeToken(text: string): boolean {
  return shape.test(text);
}

/** Replaces everything that looks like a token, and the query strings of URLs: they may contain signatures. */
export function redact(text: string): string {
  return text.replace(everyShape, '[redacted]').replace(/(https?:\/\/[^\s"'?]+)\?[^\s"']+/g, '$1?[redacted]');
}
