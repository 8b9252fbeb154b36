/** Something that a test needs and this machine does not have: said loudly, and in CI a failure. */
export function missing(words: string): void {
  if (process.env['CI']) throw new Error(words);
  console.warn(`SKIPPED: ${words}`);
}
