export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The object in a `config.json`. Python writes NaN, Infinity and -Infinity into JSON, and some editors write a byte order
 * mark; both are accepted. Text that is not an object gives undefined.
 */
export function parseConfigText(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(withoutPythonNumbers(text.replace(/^\uFEFF/, '')));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string is matched first and kept, so that a word inside it is never replaced. */
function withoutPythonNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/gs, (token) =>
    token.startsWith('"') ? token : 'null',
  );
}

/** Where configs of several parts keep the language model. A path has several steps if the part is nested twice. */
const languagePaths = [
  ['text_config'],
  ['thinker_config', 'text_config'],
  ['llm_config'],
  ['language_config'],
  ['language_model_config'],
  ['llm_model_config'],
  ['text_model_config'],
  ['lm_config'],
  ['thinker_config'],
] as const;

/** The part that describes the language model: a nested one, else the config itself. */
export function languageModelOf(config: JsonObject): JsonObject {
  for (const path of languagePaths) {
    const found = path.reduce<unknown>((part, step) => (isJsonObject(part) ? part[step] : undefined), config);
    if (isJsonObject(found) && Object.keys(found).length > 0) return languageModelOf(found);
  }
  return config;
}
