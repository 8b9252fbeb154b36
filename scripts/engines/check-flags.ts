import { execFileSync } from 'node:child_process';
import { env } from 'node:process';
import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { engineOf, launchArgumentsOf } from '../../src/core/runtimes/launch-arguments/lists.ts';
import type { Runtime } from '../../src/core/runtimes/runtime.ts';

/**
 * Compares the flags in EcoLink's definitions, and those that a launch may give, with what the pinned version of an engine
 * takes. Ends with status 1 if the engine does not know one.
 *
 *   node scripts/engines/check-flags.ts vllm=<command> sglang=<python3> llama.cpp=<llama-server>
 */
const helpOf: Record<string, (command: string) => string> = {
  vllm: (command) => run(command, ['serve', '--help=all']),
  sglang: (command) => run(command, ['-m', 'sglang.launch_server', '--help']),
  'llama.cpp': (command) => run(command, ['--help']),
};

function run(command: string, words: string[]): string {
  const environment = { ...env, COLUMNS: '200', HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1' };
  return execFileSync(command, words, {
    encoding: 'utf8',
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  });
}

/** Flags that EcoLink itself gives, in one category or another. */
function given(runtime: Runtime): string[] {
  const words = [
    ...runtime.arguments,
    ...runtime.default_arguments,
    ...Object.values(runtime.category_arguments).flat(),
    ...Object.values(runtime.launch_fields).flat(),
    runtime.context_argument,
    runtime.parallel_argument,
    runtime.projector_argument,
    // What fitting a model adds.
    ...(engineOf(runtime) === 'vllm' ? ['--enable-auto-tool-choice', '--hf-overrides', '--chat-template'] : []),
    ...(runtime.fits_model && engineOf(runtime) !== 'tei' ? ['--tool-call-parser', '--reasoning-parser'] : []),
  ];
  return words.filter((word): word is string => word?.startsWith('-') === true);
}

for (const word of process.argv.slice(2)) {
  const [engine = '', command = ''] = word.split('=', 2);
  const help = helpOf[engine];
  const runtime = builtInKubernetes().find(({ name }) => name === engine);
  if (help === undefined || runtime === undefined)
    throw new Error(`Give <engine>=<command>, with one of ${Object.keys(helpOf).join(', ')}.`);
  // argparse writes metavariables after a flag, and breaks lines after commas.
  const known = new Set(help(command).match(/(?<![\w-])--?[A-Za-z][\w.-]*/g));
  const listed = launchArgumentsOf(runtime).map(({ flag }) => flag);
  const unknown = [...new Set([...given(runtime), ...listed])].filter((flag) => !known.has(flag));
  process.stdout.write(`${engine}: ${known.size} flags known, not among them: ${unknown.join(' ') || 'none'}\n`);
  if (unknown.length > 0) process.exitCode = 1;
}
