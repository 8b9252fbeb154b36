import type { RuntimeConfig } from '../config/schema.ts';
import type { Category, WeightFormat } from '../registry/model.ts';

/** How a model is served: data, in the config or built in. */
export type Runtime = RuntimeConfig;

export interface Filled {
  model_path: string;
  served_name: string;
  host: string;
  port: string;
}

export interface ServeOptions {
  category: Category;
  contextLength: number | undefined;
  /** The person's own, after everything that EcoLink sets. */
  arguments: readonly string[];
}

/** Arguments before their blanks are filled: what a plan shows and an approver relies on. */
export function argumentsOf(runtime: Runtime, options: ServeOptions): string[] {
  const context =
    options.contextLength === undefined || runtime.context_argument === undefined
      ? []
      : [runtime.context_argument, String(options.contextLength)];
  return [
    ...runtime.arguments,
    ...(runtime.category_arguments[options.category] ?? []),
    ...context,
    ...options.arguments,
  ];
}

/** Fills in `{model_path}`, `{served_name}`, `{host}` and `{port}`; anything else in braces stays as it is. */
export function fillIn(words: readonly string[], filled: Filled): string[] {
  return words.map((word) =>
    word.replace(/\{(model_path|served_name|host|port)\}/g, (_all, name: keyof Filled) => filled[name]),
  );
}

export function serves(runtime: Runtime, category: Category, format: WeightFormat): boolean {
  return runtime.categories.includes(category) && runtime.formats.includes(format);
}

/** The flag among `given` that EcoLink sets itself, if there is one: set twice, engines take either. */
export function ownedFlag(runtime: Runtime, given: readonly string[]): string | undefined {
  const owned = new Set(
    [...runtime.arguments, ...(runtime.context_argument ? [runtime.context_argument] : [])].filter((word) =>
      word.startsWith('-'),
    ),
  );
  return given.find((word) => owned.has(word.split('=')[0] as string));
}
