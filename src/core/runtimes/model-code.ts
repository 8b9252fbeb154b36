import type { LaunchArgument } from '../config/launch-arguments.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import type { RuntimeConfig } from '../config/schema.ts';
import type { Category } from '../base/categories.ts';

/**
 * Flags that make vLLM and SGLang run code that came with the model, after the shortest prefix that means the flag:
 * argparse accepts prefixes. Plugins are files (docs.vllm.ai/en/stable/cli/serve.html).
 */
const codeFlags = [
  ['--trust-r', '--trust-remote-code'],
  ['--tool-p', '--tool-parser-plugin'],
  ['--reasoning-parser-', '--reasoning-parser-plugin'],
] as const;

/** What a launch names to accept code of the model that no flag of the runtime stands for. */
const acceptance = '--trust-remote-code';

/** `"trust_remote_code": false` and `--no-trust-remote-code` do not count. */
const codeWords = [
  /(?<!no[-_])trust[-_]remote[-_]code(?!["']?\s*[:=]\s*["']?(?:false|0|no\b))/i,
  /(?:tool|reasoning)[-_]parser[-_]plugin/i,
  /\{model_(?:path|dir)\}\S*\.py\b/i,
];

export function isCodeFlag(word: string): boolean {
  const flag = plainFlag(flagName(word));
  return codeFlags.some(([shortest, whole]) => flag.startsWith(shortest) && whole.startsWith(flag));
}

/** The flag without a value after `=`. */
export function flagName(word: string): string {
  const [name = word] = word.split('=', 1);
  return name;
}

/** A runtime that serves a model of a category, and what the region adds to its environment. */
export interface RuntimeUse {
  runtime: RuntimeConfig;
  category: Category;
  environment?: Readonly<Record<string, string>> | undefined;
}

/**
 * What a launch must name, because the runtime runs code of the model by itself: its command, its arguments, its
 * environment, or its definition says so. Empty if it does not.
 */
export function codeOfRuntime(
  { runtime, category, environment }: RuntimeUse,
  allowed: readonly LaunchArgument[],
): string[] {
  const words = [
    ...(runtime.command ?? []),
    ...runtime.arguments,
    ...runtime.default_arguments,
    ...(runtime.category_arguments[category] ?? []),
  ];
  const declared = new Set(
    allowed.filter((each) => each.runs_code).flatMap(({ flag, aliases }) => [flag, ...aliases].map(plainFlag)),
  );
  const flags = words.map(flagName).filter((flag) => isCodeFlag(flag) || declared.has(plainFlag(flag)));
  if (flags.length > 0) return [...new Set(flags)];
  const silent = runtime.runs_code || Object.entries({ ...environment, ...runtime.environment }).some(isCodeVariable);
  return silent || words.some(mentionsCode) ? [acceptance] : [];
}

/** Whether a word turns on code of the model somewhere inside: in JSON, in the line of a shell, in a dotted flag. */
export function mentionsCode(word: string): boolean {
  return isCodeFlag(word) || codeWords.some((pattern) => pattern.test(word));
}

/** Engines and libraries read `TRUST_REMOTE_CODE` and names that end like it. */
function isCodeVariable([name, value]: [string, string]): boolean {
  return /trust_remote_code$/i.test(name) && !/^(?:|0|false|no|off)$/i.test(value.trim());
}
