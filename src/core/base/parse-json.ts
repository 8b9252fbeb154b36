/** Parses JSON. Returns undefined for a text that is no JSON, such as one that a crash cut. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
