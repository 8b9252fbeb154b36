import type { KubernetesRuntime, RuntimeConfig } from '../config/schema.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import type { Category, WeightFormat } from '../base/categories.ts';
import { flagName, isCodeFlag } from './model-code.ts';

/** How to serve models: data, from the configuration or built in. */
export type Runtime = RuntimeConfig;

/** The image of the runtime, for replicas with or without accelerators. Undefined if it is a command on the machine. */
export function imageOf(runtime: Runtime, accelerated: boolean): string | undefined {
  if (!('image' in runtime)) return undefined;
  return accelerated ? runtime.image : (runtime.cpu_image ?? runtime.image);
}

/** Values of the placeholders in a runtime's arguments. */
export interface Placeholders {
  model_path: string;
  /** The model's folder, also if `model_path` is a file in it. */
  model_dir: string;
  served_name: string;
  host: string;
  port: string;
  /** Only in regions that give a replica time to finish its calls. */
  drain_seconds?: string;
}

export interface ServeOptions {
  category: Category;
  contextLength: number | undefined;
  /** For one replica. Undefined: it gets none. */
  acceleratorCount?: number | undefined;
  /** What the model and the fields of the launch add. */
  added?: readonly string[] | undefined;
  /** The arguments of the launch. They come after those that EcoLink sets. */
  arguments: readonly string[];
}

/** Arguments with their placeholders: what a plan shows and an approver approves. */
export function argumentsOf(runtime: Runtime, options: ServeOptions): string[] {
  return [
    ...runtime.arguments,
    ...unlessGiven(flagGroups(runtime.default_arguments), options.arguments),
    ...(runtime.category_arguments[options.category] ?? []),
    ...flagWith(runtime.parallel_argument, options.acceleratorCount),
    ...flagWith(runtime.context_argument, options.contextLength ?? runtime.context_default[options.category]),
    ...(options.added ?? []),
    ...options.arguments,
  ];
}

/** Each flag with its values. */
function flagGroups(words: readonly string[]): string[][] {
  const groups: string[][] = [];
  for (const word of words) {
    if (word.startsWith('-') || groups.length === 0) groups.push([word]);
    else groups.at(-1)?.push(word);
  }
  return groups;
}

/** The flags, each with its values, that are not among `given`, in any spelling. */
export function unlessGiven(groups: readonly (readonly string[])[], given: readonly string[]): string[] {
  const taken = new Set(given.map((word) => plainFlag(flagName(word))));
  return groups.filter(([flag = '']) => !taken.has(flag) && !taken.has(`--no-${flag.slice(2)}`)).flat();
}

function flagWith(flag: string | undefined, value: number | string | undefined): string[] {
  return flag === undefined || value === undefined ? [] : [flag, String(value)];
}

/** Replaces `{model_path}`, `{served_name}` and so on. Placeholders without a value, and other text in braces, stay. */
export function fillIn(words: readonly string[], values: Placeholders): string[] {
  return words.map((word) =>
    word.replace(
      /\{(model_path|model_dir|served_name|host|port|drain_seconds)\}/g,
      (all, name: keyof Placeholders) => values[name] ?? all,
    ),
  );
}

/** Seconds that a replica gets to finish its calls. A runtime that ends at once is kept for the whole time. */
export function drainSeconds({ drain_seconds: given, ends }: KubernetesRuntime): number {
  return given ?? (ends === 'after_calls' ? 300 : 60);
}

/** An unknown task excludes no runtime: the person who launches chooses one. */
export function serves(runtime: Runtime, category: Category, format: WeightFormat, task?: string): boolean {
  const tasks = runtime.category_tasks[category];
  const fits = tasks === undefined || task === undefined || tasks.includes(task);
  return runtime.categories.includes(category) && runtime.formats.includes(format) && fits;
}

/** Other names that engines accept for a flag. */
const aliases: Record<string, readonly string[]> = {
  '--tensor-parallel-size': ['-tp', '--tp', '--tp-size'],
  '--tp-size': ['-tp', '--tp', '--tensor-parallel-size'],
  '--model': ['-m'],
  '--model-path': ['--model'],
  '--alias': ['-a'],
  '--ctx-size': ['-c'],
  '--port': ['-p'],
  '--embedding': ['--embeddings'],
  '--reranking': ['--rerank'],
};

/**
 * The first flag among `given` that EcoLink sets itself. If a flag is set twice, engines differ in which value counts.
 * argparse accepts the prefix of a flag.
 */
export function ownedFlag(runtime: Runtime, given: readonly string[]): string | undefined {
  const owned = flagsSetBy(runtime);
  return given.find((word) => {
    const flag = plainFlag(flagName(word));
    return owned.includes(flag) || (/^--\w/.test(flag) && owned.some((other) => other.startsWith(flag)));
  });
}

/** Whether EcoLink sets this very flag, or another spelling of it. */
export function setsFlag(runtime: Runtime, flag: string): boolean {
  return flagsSetBy(runtime).includes(flag);
}

function flagsSetBy(runtime: Runtime): string[] {
  const set = [
    ...runtime.arguments,
    ...Object.values(runtime.category_arguments).flat(),
    ...[runtime.context_argument, runtime.parallel_argument].filter((flag) => flag !== undefined),
  ].filter((word) => word.startsWith('-'));
  return [...set, ...set.flatMap((flag) => aliases[flag] ?? [])]
    .map((word) => plainFlag(flagName(word)))
    .filter((flag) => !isCodeFlag(flag));
}

/**
 * Why `count` accelerators cannot share one replica, in words. Tensor parallelism splits every layer, so the count must
 * divide the attention heads. Fewer key-value heads are copied; the count must be a multiple of them then
 * (github.com/vllm-project/vllm, vllm/config/model.py; SGLang uses the same layers). Unknown heads are no obstacle.
 */
export function splitProblem(
  runtime: Runtime,
  { heads, kvHeads }: { heads?: number | undefined; kvHeads?: number | undefined },
  count: number,
): string | undefined {
  const { maximum_accelerators: maximum } = runtime;
  if (maximum !== undefined && count > maximum) return `${runtime.name} uses ${maximum} for each replica at most`;
  if (runtime.parallel_argument === undefined) return undefined;
  if (heads !== undefined && heads % count !== 0) return `its ${heads} attention heads cannot be split by ${count}`;
  const even = kvHeads === undefined || kvHeads % count === 0 || count % kvHeads === 0;
  return even ? undefined : `its ${kvHeads} key-value heads cannot be split by ${count}`;
}
