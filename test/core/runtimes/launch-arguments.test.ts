import { describe, expect, it } from 'vitest';
import { closedArgumentSchema, plainFlag } from '../../../src/core/config/launch-arguments.ts';
import { runtimeSchema } from '../../../src/core/config/schema.ts';
import type { RuntimeConfig } from '../../../src/core/config/schema.ts';
import { checkArguments } from '../../../src/core/runtimes/check-arguments.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { engineLists, launchArgumentsOf } from '../../../src/core/runtimes/launch-arguments/lists.ts';
import { attacks } from './attacks.ts';

const builtIn = new Map(builtInKubernetes().map((runtime) => [runtime.name, runtime]));
builtIn.set(
  'llama-engine',
  runtimeSchema.parse({
    name: 'llama.cpp',
    kind: 'local',
    categories: ['chat'],
    formats: ['gguf'],
    engine: 'llama-engine',
    command: ['engine'],
    arguments: ['--model', '{model_path}', '--port', '{port}'],
    context_argument: '--context-length',
  }),
);

function runtime(name: string): RuntimeConfig {
  const found = builtIn.get(name);
  if (!found) throw new Error(`There is no runtime ${name}`);
  return found;
}

/** What the engine gets. */
function words(name: string, ...given: string[]): string[] {
  return checkArguments(runtime(name), given).flatMap((each) => each.words);
}

/** The error that refuses these arguments. */
function refusal(of: RuntimeConfig, given: readonly string[]): unknown {
  try {
    return checkArguments(of, given);
  } catch (thrown) {
    return thrown;
  }
}

/** Words of engines' documentations that say that a flag names a file, a module, an address, a command or a key. */
const dangerous =
  /path|file|dir|url|uri|repo|host|addr|port|socket|uds|plugin|module|class|cls|middleware|template|config$|json|schema|grammar$|kwargs|hook|exec|tool(?!-c)|agent|mcp|rpc|ssl|cert|key|token(?!s|iz)|cors|origin|lora|download|log-requests|log-prompts|otlp|processor$/;

describe('the built-in lists of flags', () => {
  const lists = Object.entries(engineLists);

  it.each(lists)(
    'of %s hold no kind of value that can name a file, a module, an address or a command',
    (_name, list) => {
      for (const each of list.arguments) {
        const { value } = closedArgumentSchema.parse(each);
        expect(['none', 'integer', 'number', 'size', 'boolean', 'one_of', 'word']).toContain(value);
      }
    },
  );

  it.each(lists)('of %s name where the engine documents them, and no flag twice', (_name, list) => {
    expect([list.source, list.version].every((each) => each.length > 2)).toBe(true);
    const spellings = list.arguments.flatMap(({ flag, aliases = [] }) => [flag, ...aliases]).map(plainFlag);
    expect(new Set(spellings).size).toBe(spellings.length);
  });

  it.each(lists)('of %s make an engine run code by --trust-remote-code alone, which says so', (_name, list) => {
    const code = list.arguments.filter((each) => each.runs_code === true || each.risk !== undefined);
    for (const { flag, risk, runs_code: runs } of code)
      expect({ flag, risk, runs }).toEqual({
        flag: '--trust-remote-code',
        risk: 'The engine runs code that comes with the model.',
        runs: true,
      });
  });

  it.each(lists)('of %s take no free value where its name says that it could do harm', (_name, list) => {
    // Words and switches: a number or one of a few words does no harm, whatever the flag is called.
    const free = list.arguments.filter(({ value }) => value === 'word');
    expect(free.map(({ flag }) => flag).filter((flag) => dangerous.test(flag))).toEqual([]);
    expect(list.arguments.map(({ flag }) => flag)).not.toContain('--load-format');
  });
});

describe.each(Object.entries(attacks))('a launch cannot give %s', (name, lines) => {
  it.each(lines.map((line) => [line.join(' '), line] as const))('%s', (_shown, line) => {
    const refused = refusal(runtime(name), line);
    expect(refused).toMatchObject({
      code: expect.stringMatching(/^(?:argument_not_allowed|bad_argument_value|argument_owned)$/),
    });
    // It names the flag, and says what to do.
    const flag = line[0]?.split('=')[0] ?? '';
    const text = (refused as Error).message;
    expect(text.includes(flag) || text.includes('cannot be')).toBe(true);
  });
});

describe('the spelling of an argument', () => {
  it.each([
    [
      ['--max-num-seqs', '8'],
      ['--max-num-seqs', '8'],
    ],
    [['--max-num-seqs=8'], ['--max-num-seqs', '8']],
    [['--max_num_seqs=8'], ['--max-num-seqs', '8']],
    [
      ['-q', 'fp8'],
      ['--quantization', 'fp8'],
    ],
    [['--no-enable-prefix-caching'], ['--no-enable-prefix-caching']],
    [['--no_enable_prefix_caching'], ['--no-enable-prefix-caching']],
    [['--kv-cache-memory-bytes=512M'], ['--kv-cache-memory-bytes', '512M']],
  ])('%j is %j for vLLM', (given, expected) => {
    expect(words('vllm', ...given)).toEqual(expected);
  });

  it.each([
    [
      ['-t', '4'],
      ['--threads', '4'],
    ],
    [
      ['-ngl', 'all'],
      ['--gpu-layers', 'all'],
    ],
    [
      ['--seed', '-1'],
      ['--seed', '-1'],
    ],
    [['--no-webui'], ['--no-ui']],
    [['--temp=0.5'], ['--temperature', '0.5']],
  ])('%j is %j for llama.cpp', (given, expected) => {
    expect(words('llama.cpp', ...given)).toEqual(expected);
  });

  it.each([
    ['vllm', ['--port', '1']],
    ['vllm', ['--po', '1']],
    ['vllm', ['--tensor_parallel_size=2']],
    ['vllm', ['-tp', '2']],
    ['vllm', ['--runner', 'pooling']],
    ['sglang', ['--tp', '2']],
    ['llama.cpp', ['-m', 'x']],
    ['llama.cpp', ['-c', '1']],
    ['tei', ['--max-client-batch-size', '9']],
  ])('of %s: %j is what EcoLink sets itself', (name, given) => {
    expect(refusal(runtime(name), given)).toMatchObject({ code: 'argument_owned' });
  });

  it.each([
    [['--max-num-seqs', '8', '--max-num-seqs', '9'], 'argument_repeated'],
    [['--enforce-eager', '--no-enforce-eager'], 'argument_repeated'],
    [['--max_num_seqs=8', '--max-num-seqs=8'], 'argument_repeated'],
    [['serve'], 'argument_not_allowed'],
    [['/etc/passwd'], 'argument_not_allowed'],
    [['--'], 'argument_not_allowed'],
    [['-'], 'argument_not_allowed'],
    [[''], 'argument_not_allowed'],
    [['+x'], 'argument_not_allowed'],
    [['@/etc/passwd'], 'argument_not_allowed'],
    [['--enforce-eager', 'true'], 'argument_not_allowed'],
    [['--max-num-seqs 8'], 'argument_not_allowed'],
    [['--Max-Num-Seqs', '8'], 'argument_not_allowed'],
    [['--max\u2010num-seqs', '8'], 'argument_not_allowed'],
    [['--max-num-seqs\u0000', '8'], 'bad_argument_value'],
    [['--max-num-seqs', '8\n--port 1'], 'bad_argument_value'],
    [['--max-num-seqs'], 'bad_argument_value'],
    [['--max-num-seqs='], 'bad_argument_value'],
    [['--max-num-seqs', '0'], 'bad_argument_value'],
    [['--max-num-seqs', '1e3'], 'bad_argument_value'],
    [['--max-num-seqs', '\u0661'], 'bad_argument_value'],
    [['--max-num-seqs', '9'.repeat(400)], 'bad_argument_value'],
    [['--max-num-seqs', '{port}'], 'bad_argument_value'],
    [['--max-num-seqs', '$PORT'], 'bad_argument_value'],
    [['--max-num-seqs', '--enforce-eager'], 'bad_argument_value'],
    [['--gpu-memory-utilization', '1.5'], 'bad_argument_value'],
    [['--gpu-memory-utilization', 'NaN'], 'bad_argument_value'],
    [['--enforce-eager=true'], 'bad_argument_value'],
    [['--no-enforce-eager=1'], 'bad_argument_value'],
    [['--dtype', 'torch.float16'], 'bad_argument_value'],
    [['--tool-call-parser', '{model_path}/x.py'], 'bad_argument_value'],
    [['--tool-call-parser', 'os.system'], 'bad_argument_value'],
    [['--tool-call-parser', './x'], 'bad_argument_value'],
    [['--tool-call-parser', '-x'], 'bad_argument_value'],
    [['--tool-call-parser', 'x\u202Ey'], 'bad_argument_value'],
    [['--tool-call-parser', 'x'.repeat(65)], 'bad_argument_value'],
    [Array.from({ length: 100 }, () => `--max-num-seqs=${'1'.repeat(30)}`), 'bad_argument_value'],
  ])('refuses %j with %s', (given, code) => {
    expect(refusal(runtime('vllm'), given)).toMatchObject({ code });
  });

  it('is echoed in characters that every screen shows', () => {
    const { message } = refusal(runtime('vllm'), [`--\u202E\u001B[2J<!channel>${'x'.repeat(400)}`]) as Error;
    // oxlint-disable-next-line no-control-regex
    expect(message).toMatch(/^[\u0020-\u007E…]+$/);
    expect(message.length).toBeLessThan(160);
  });

  it.each([
    ['vllm', '--max-num-seq', '--max-num-seqs'],
    ['vllm', '--enforce-eagre', '--enforce-eager'],
    ['vllm', '--gpu-mem', '--gpu-memory-utilization'],
    ['llama.cpp', '--thread', '--threads'],
    ['sglang', '--mem-fraction', '--mem-fraction-static'],
    ['tei', '--max-batch-token', '--max-batch-tokens'],
  ])('of %s: for %s the nearest allowed flag is %s', (name, typed, near) => {
    expect(refusal(runtime(name), [typed, '1'])).toMatchObject({
      code: 'argument_not_allowed',
      nextStep: expect.arrayContaining([expect.stringContaining(`Did you mean ${near}?`)]),
      validValues: [near],
    });
  });
});

describe('a flag that an admin allows', () => {
  const more = runtimeSchema.parse({
    name: 'mine',
    kind: 'local',
    categories: ['chat'],
    formats: ['safetensors'],
    command: ['serve'],
    engine: 'vllm',
    launch_arguments: [
      { flag: '--lora-modules', value: 'text', risk: 'Reads a folder that the engine can read.' },
      { flag: '--hf-overrides', value: 'text', risk: 'Changes the config of the model.' },
      { flag: '--max-num-seqs', value: 'integer', maximum: 4 },
      { flag: '--verify', value: 'boolean' },
      { flag: '--plugin', value: 'word', runs_code: true, risk: 'Loads a plugin.' },
    ],
  });
  const check = (...given: string[]) => checkArguments(more, given);

  it('is given with its risk, besides those of the engine', () => {
    expect(check('--lora-modules', 'a=/models/a', '--enforce-eager')).toEqual([
      { words: ['--lora-modules', 'a=/models/a'], risk: 'Reads a folder that the engine can read.', runsCode: false },
      { words: ['--enforce-eager'], risk: undefined, runsCode: false },
    ]);
    expect(check('--verify=true').flatMap((each) => each.words)).toEqual(['--verify', 'true']);
  });

  it('replaces one of the engine', () => {
    expect(refusal(more, ['--max-num-seqs', '8'])).toMatchObject({ code: 'bad_argument_value' });
    expect(launchArgumentsOf(more).filter(({ flag }) => flag === '--max-num-seqs')).toHaveLength(1);
  });

  it.each([
    ['--plugin', 'x'],
    ['--hf-overrides', '{"trust_remote_code": true}'],
    ['--hf-overrides', '{"a":{"reasoning_parser_plugin":"/x.py"}}'],
  ])('%s %s counts as code of the model', (...given) => {
    expect(check(...given)[0]?.runsCode).toBe(true);
  });

  it('does not count as code where it turns code off', () => {
    expect(check('--hf-overrides', '{"trust_remote_code": false}')[0]?.runsCode).toBe(false);
  });

  it.each(['{model_path}/x', 'a={served_name}', '-x', '--port', 'a\tb', 'x'.repeat(2001)])('cannot be %j', (value) => {
    expect(refusal(more, ['--lora-modules', value])).toMatchObject({ code: 'bad_argument_value' });
  });
});
