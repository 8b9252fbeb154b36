type Environment = Record<string, string | undefined>;

/** The variable in which llama.cpp's server takes its key. The built-in engine takes it in the same. */
export const llamaKeyVariable = 'LLAMA_API_KEY';

/** The key that callers of the built-in engine must know. An empty variable counts as unset. */
export function engineKey(environment: Environment = process.env): string | undefined {
  return environment[llamaKeyVariable] || undefined;
}
