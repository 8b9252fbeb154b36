export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The object in a `config.json`. Python writes NaN, Infinity and -Infinity into JSON, and some editors write a byte order
 * mark; both are accepted. Text that is not an object gives undefined.
 */
export function parseConfigText(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  const marked = text.replace(/^\uFEFF/, '');
  const value = parse(marked) ?? parse(withoutPythonNumbers(marked));
  return isJsonObject(value) ? value : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strings are matched first and kept, an unfinished one to the end: every character is looked at once. */
function withoutPythonNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]+|\\.)*(?:"|$)|-?\bInfinity\b|\bNaN\b/gs, (token) =>
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

/** Parts inside parts, at most. */
const deepest = 4;

/** The part that describes the language model: a nested one, else the config itself. */
export function languageModelOf(config: JsonObject, depth = 0): JsonObject {
  if (depth === deepest) return config;
  for (const path of languagePaths) {
    const found = path.reduce<unknown>((part, step) => (isJsonObject(part) ? part[step] : undefined), config);
    if (isJsonObject(found) && Object.keys(found).length > 0) return languageModelOf(found, depth + 1);
  }
  return config;
}
