import type { KubernetesRuntime, RuntimeConfig } from '../config/schema.ts';
import type { Category, WeightFormat } from '../base/categories.ts';

/** How a model is served: data, in the config or built in. */
export type Runtime = RuntimeConfig;

/** The image that it runs from. Undefined if it runs a command of the machine. */
export function imageOf(runtime: Runtime): string | undefined {
  return 'image' in runtime ? runtime.image : undefined;
}

export interface Filled {
  model_path: string;
  served_name: string;
  host: string;
  port: string;
  /** Only where a replica is given time for its calls. */
  drain_seconds?: string;
}

export interface ServeOptions {
  category: Category;
  contextLength: number | undefined;
  /** Of one replica; undefined where it gets none. */
  acceleratorCount?: number | undefined;
  /** The person's own, after everything that EcoLink sets. */
  arguments: readonly string[];
}

/** Arguments before their blanks are filled: what a plan shows and an approver relies on. */
export function argumentsOf(runtime: Runtime, options: ServeOptions): string[] {
  return [
    ...runtime.arguments,
    ...(runtime.category_arguments[options.category] ?? []),
    ...flagWith(runtime.parallel_argument, options.acceleratorCount),
    ...flagWith(runtime.context_argument, options.contextLength ?? runtime.context_default[options.category]),
    // Named by the launch, it may be the runtime's own already.
    ...options.arguments.filter((word) => !(runsCode(word) && runtime.arguments.includes(word))),
  ];
}

function flagWith(flag: string | undefined, value: number | string | undefined): string[] {
  return flag === undefined || value === undefined ? [] : [flag, String(value)];
}

/** Fills in `{model_path}`, `{served_name}` and so on; what has no filling, or is anything else in braces, stays as it is. */
export function fillIn(words: readonly string[], filled: Filled): string[] {
  return words.map((word) =>
    word.replace(
      /\{(model_path|served_name|host|port|drain_seconds)\}/g,
      (all, name: keyof Filled) => filled[name] ?? all,
    ),
  );
}

/** How long a replica's calls are waited for, in seconds: one that cannot say that they are over is kept all that time. */
export function drainSeconds({ drain_seconds: given, ends }: KubernetesRuntime): number {
  return given ?? (ends === 'after_calls' ? 300 : 60);
}

/** A task that nobody knows keeps no runtime out: the person who launches picks one. */
export function serves(runtime: Runtime, category: Category, format: WeightFormat, task?: string): boolean {
  const tasks = runtime.category_tasks[category];
  const fits = tasks === undefined || task === undefined || tasks.includes(task);
  return runtime.categories.includes(category) && runtime.formats.includes(format) && fits;
}

/** Spellings by which engines take a flag of their own: vLLM and SGLang read `--tensor_parallel_size`, `-tp` and `--tp` too. */
const spellings: Record<string, readonly string[]> = {
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
 * Flags that make vLLM and SGLang run code that came with the model, each behind the shortest beginning by which it is
 * meant: argparse takes an unfinished word for the whole. The plugins are files (docs.vllm.ai/en/stable/cli/serve.html).
 */
const codeFlags = [
  ['--trust-r', '--trust-remote-code'],
  ['--tool-p', '--tool-parser-plugin'],
  ['--reasoning-parser-', '--reasoning-parser-plugin'],
] as const;

function runsCode(word: string): boolean {
  const flag = plainFlag(word);
  return codeFlags.some(([shortest, whole]) => flag.startsWith(shortest) && whole.startsWith(flag));
}

/** The words among these that make an engine run code that came with the model. */
export function codeRun(words: readonly string[]): string[] {
  return words.filter(runsCode).map((word) => word.split('=')[0] as string);
}

/** Flags that read further flags from a file, out of the sight of whoever approves. */
const fromFile = ['--config'];

/**
 * The flag among `given` that EcoLink sets itself, if there is one: set twice, engines take either. argparse takes the
 * beginning of a flag for the whole.
 */
export function ownedFlag(runtime: Runtime, given: readonly string[]): string | undefined {
  const set = [
    ...runtime.arguments,
    ...Object.values(runtime.category_arguments).flat(),
    ...[runtime.context_argument, runtime.parallel_argument].filter((flag) => flag !== undefined),
  ].filter((word) => word.startsWith('-'));
  const owned = [...fromFile, ...set, ...set.flatMap((flag) => spellings[flag] ?? [])]
    .map(plainFlag)
    .filter((flag) => !runsCode(flag));
  return given.find((word) => {
    const flag = plainFlag(word);
    return owned.includes(flag) || (/^--\w/.test(flag) && owned.some((other) => other.startsWith(flag)));
  });
}

/** argparse takes `_` for `-`, and a value after `=`. */
function plainFlag(word: string): string {
  return (word.split('=')[0] as string).replaceAll('_', '-');
}

/**
 * Why `count` accelerators cannot share one replica, in words. Engines that split every layer (tensor parallelism) need
 * a count that divides the attention heads; key-value heads may be fewer and are copied then, if evenly
 * (github.com/vllm-project/vllm, vllm/config/model.py; SGLang takes over the same layers). Unknown heads hinder nothing.
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
