import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runtimesPage } from '../../../scripts/docs/runtimes-page.ts';
import { categories } from '../../../src/core/base/categories.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { isCodeFlag } from '../../../src/core/runtimes/model-code.ts';
import { argumentsOf, ownedFlag, serves, splitProblem } from '../../../src/core/runtimes/runtime.ts';

const runtimes = builtInKubernetes();

function named(name: string) {
  const found = runtimes.find((runtime) => runtime.name === name);
  if (!found) throw new Error(`There is no runtime ${name}`);
  return found;
}

describe('the runtimes that Kubernetes regions know', () => {
  it('serve every category', () => {
    const served = new Set(runtimes.flatMap((runtime) => runtime.categories));
    expect([...served].toSorted()).toEqual([...categories].toSorted());
  });

  it.each(runtimes)('$name pins an image and is given path, name, address and port', (runtime) => {
    expect(runtime.kind === 'kubernetes' && /:[^:/]*\d/.test(runtime.image)).toBe(true);
    for (const blank of ['{model_path}', '{served_name}', '{host}', '{port}'])
      expect(runtime.arguments).toContain(blank);
  });

  it('have no port that needs privileges and no argument that a shell would read', () => {
    for (const runtime of runtimes) {
      expect(runtime.kind === 'kubernetes' && runtime.port).toBeGreaterThan(1023);
      expect(runtime.arguments.every((word) => /^[\w{}.-]+$/.test(word))).toBe(true);
    }
  });

  it('are the ones that docs/runtimes.md prints', () => {
    expect(readFileSync(new URL('../../../docs/runtimes.md', import.meta.url), 'utf8')).toBe(runtimesPage());
  });

  it('tell speech to text from text to speech by the task of the repo', () => {
    const fitting = (task?: string) =>
      runtimes.filter((runtime) => serves(runtime, 'audio', 'safetensors', task)).map((runtime) => runtime.name);
    expect(fitting('automatic-speech-recognition')).toEqual(['vllm']);
    expect(fitting('text-to-speech')).toEqual(['vllm-omni']);
    expect(fitting()).toEqual(['vllm', 'vllm-omni']);
  });
});

describe('the arguments of an engine', () => {
  it('name the number of accelerators where the engine takes one', () => {
    const options = { category: 'chat', contextLength: 8192, acceleratorCount: 4, arguments: ['--seed', '1'] } as const;
    expect(argumentsOf(named('vllm'), options).slice(-6)).toEqual([
      '--tensor-parallel-size',
      '4',
      '--max-model-len',
      '8192',
      '--seed',
      '1',
    ]);
    expect(argumentsOf(named('llama.cpp'), options)).not.toContain('4');
  });

  it.each([
    ['vllm', '--port=1'],
    ['vllm', '--tensor-parallel-size'],
    ['vllm', '--tensor_parallel_size=2'],
    ['vllm', '-tp'],
    ['vllm', '--runner'],
    ['sglang', '--tp'],
    ['llama.cpp', '-m'],
    ['llama.cpp', '--reranking'],
    ['tei', '--model-id'],
    ['vllm', '--tensor-par=2'],
  ])('of %s cannot be %s, which EcoLink sets', (runtime, flag) => {
    expect(ownedFlag(named(runtime), ['--seed', '1', flag])).toBe(flag);
  });

  it('are the person’s own otherwise', () => {
    expect(ownedFlag(named('vllm'), ['--trust-remote-code', '--gpu-memory-utilization', '0.8'])).toBeUndefined();
    expect(ownedFlag(named('vllm'), ['serve'])).toBeUndefined();
    expect(ownedFlag(named('llama.cpp'), ['--', '--threads', '2'])).toBeUndefined();
  });

  it('leave the length of the context to vLLM where nobody asks for one', () => {
    const options = { category: 'chat', contextLength: undefined, arguments: [] } as const;
    expect(argumentsOf(named('vllm'), options).slice(-2)).toEqual(['--max-model-len', 'auto']);
    for (const category of ['embedding', 'reranker', 'audio'] as const)
      expect(argumentsOf(named('vllm'), { ...options, category }).slice(-2)).toEqual(['--max-model-len', 'auto']);
    expect(argumentsOf(named('sglang'), options)).not.toContain('--context-length');
  });

  it.each([
    '--trust-remote-code',
    '--trust_remote_code',
    '--trust-rem',
    '--trust-remote-code=true',
    '--tool-parser-plugin',
    '--reasoning-parser-plugin=/model/parser.py',
  ])('run code of the model with %s, however it is spelt', (word) => {
    expect(['--seed', '1', word].filter(isCodeFlag)).toEqual([word]);
  });

  it('run no code of the model with flags that only look like it', () => {
    const words = ['--trust-request-chat-template', 'trust-remote-code', '--reasoning-parser', 'qwen3'];
    expect(words.filter(isCodeFlag)).toEqual([]);
  });
});

describe('a model on several accelerators', () => {
  const vllm = named('vllm');

  it.each([
    [{ heads: 32, kvHeads: 8 }, 4],
    [{ heads: 32, kvHeads: 8 }, 16],
    [{ heads: 28, kvHeads: 4 }, 2],
    [{}, 7],
  ])('with %j is split by %i', (architecture, count) => {
    expect(splitProblem(vllm, architecture, count)).toBeUndefined();
  });

  it.each([
    [{ heads: 32, kvHeads: 8 }, 3, 'its 32 attention heads cannot be split by 3'],
    [{ heads: 24, kvHeads: 4 }, 6, 'its 4 key-value heads cannot be split by 6'],
  ])('with %j is not split by %i', (architecture, count, why) => {
    expect(splitProblem(vllm, architecture, count)).toBe(why);
  });

  it('is limited by what the engine can use', () => {
    expect(splitProblem(named('tei'), {}, 2)).toBe('tei uses 1 for each replica at most');
    expect(splitProblem(named('llama.cpp'), { heads: 32 }, 3)).toBeUndefined();
  });
});
