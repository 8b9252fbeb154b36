/** What one version of an engine knows, as its own package says. `scripts/engines/refresh-facts.ts` writes it. */
export interface EngineFacts {
  source: string;
  version: string;
  /** As `architectures` of config.json, or as `general.architecture` of a GGUF. */
  architectures: readonly string[];
  toolParsers?: readonly string[];
  reasoningParsers?: readonly string[];
}

/** Long lists, some words in each line. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
