import { describe, expect, it } from 'vitest';
import { runtimeSchema } from '../../../src/core/config/schema.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { fieldArguments } from '../../../src/core/runtimes/launch-fields.ts';
import {
  audioProblem,
  modelArguments,
  modelWarnings,
  rerankProblem,
} from '../../../src/core/runtimes/model-arguments.ts';
import type { ModelTraits } from '../../../src/core/runtimes/model-arguments.ts';
import { argumentsOf } from '../../../src/core/runtimes/runtime.ts';
import type { Runtime } from '../../../src/core/runtimes/runtime.ts';
import { defined } from '../../support/defined.ts';

const named = (name: string): Runtime => defined(builtInKubernetes().find((each) => each.name === name));
const own = (more: object): Runtime =>
  runtimeSchema.parse({
    name: 'vllm',
    kind: 'kubernetes',
    image: 'mine:1',
    categories: ['chat', 'reranker', 'audio'],
    formats: ['safetensors'],
    ...more,
  });

const qwen3: ModelTraits = {
  category: 'chat',
  family: 'qwen3',
  architectures: ['Qwen3ForCausalLM'],
  chatTemplate: { present: true, marks: ['<tool_call>', '<think>'] },
};

describe('what a model adds to the arguments', () => {
  it('is the parsers of its tool calls and its reasoning', () => {
    expect(modelArguments(named('vllm'), qwen3, [])).toEqual([
      ...['--enable-auto-tool-choice', '--tool-call-parser', 'hermes', '--reasoning-parser', 'qwen3'],
    ]);
    expect(modelArguments(named('sglang'), qwen3, [])).toEqual([
      ...['--tool-call-parser', 'hermes', '--reasoning-parser', 'qwen3'],
    ]);
  });

  it('gives way to what the launch says', () => {
    const given = ['--tool_call_parser', 'pythonic', '--no-enable-auto-tool-choice'];
    expect(modelArguments(named('vllm'), qwen3, given)).toEqual(['--reasoning-parser', 'qwen3']);
  });

  it('is nothing for a runtime of the configuration that does not ask for it', () => {
    expect(modelArguments(own({}), qwen3, [])).toEqual([]);
    expect(modelArguments(own({ fits_model: true }), qwen3, [])).toContain('hermes');
  });

  it('makes a language model a reranker', () => {
    const words = modelArguments(named('vllm'), { ...qwen3, category: 'reranker' }, []);
    expect(words[0]).toBe('--hf-overrides');
    expect(JSON.parse(words[1] ?? '')).toMatchObject({
      architectures: ['Qwen3ForSequenceClassification'],
      classifier_from_token: ['no', 'yes'],
    });
    expect(words[2]).toBe('--chat-template');
    expect(words[3]).toMatch(/"query".*"document".*<think>/s);
  });

  it('is the projector of a GGUF, beside its model', () => {
    const seeing: ModelTraits = { category: 'chat', projector: 'parts/mmproj-f16.gguf' };
    expect(modelArguments(named('llama.cpp'), seeing, [])).toEqual(['--mmproj', '{model_dir}/parts/mmproj-f16.gguf']);
  });

  it('is a batch of TEI that holds the longest text', () => {
    const embedding: ModelTraits = { category: 'embedding', contextLength: 32_768 };
    expect(modelArguments(named('tei'), embedding, [])).toEqual(['--max-batch-tokens', '32768']);
    expect(modelArguments(named('tei'), embedding, ['--max-batch-tokens', '20000'])).toEqual([]);
    expect(modelArguments(named('tei'), { ...embedding, contextLength: 8192 }, [])).toEqual([]);
  });
});

describe('a model that would get numbers that are no scores', () => {
  const reranker = (architecture: string): ModelTraits => ({ category: 'reranker', architectures: [architecture] });

  it.each([
    ['vllm', 'Qwen3ForSequenceClassification', undefined],
    ['vllm', 'Qwen3ForCausalLM', undefined],
    ['vllm', 'LlamaForCausalLM', /LlamaForCausalLM is a language model/],
    ['vllm', 'BertModel', /BertModel is a model for embeddings/],
    ['tei', 'XLMRobertaForSequenceClassification', undefined],
    ['tei', 'Qwen3ForCausalLM', /language model/],
    ['llama.cpp', 'LlamaForCausalLM', undefined],
  ] as const)('on %s as %s', (runtime, architecture, problem) => {
    const found = rerankProblem(named(runtime), reranker(architecture));
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it('is served by a runtime of the configuration that says how', () => {
    const traits = reranker('LlamaForCausalLM');
    expect(rerankProblem(own({}), traits)).toBeDefined();
    expect(rerankProblem(own({ category_arguments: { reranker: ['--hf_overrides={}'] } }), traits)).toBeUndefined();
  });

  it('is no matter in other categories, or if its classes are unknown', () => {
    expect(rerankProblem(named('vllm'), { category: 'embedding', architectures: ['BertModel'] })).toBeUndefined();
    expect(rerankProblem(named('vllm'), { category: 'reranker' })).toBeUndefined();
  });
});

describe('an engine that cannot read audio', () => {
  const speech: ModelTraits = { category: 'audio', task: 'automatic-speech-recognition' };

  it('is the official image of vLLM, and no image that says otherwise', () => {
    expect(audioProblem(named('vllm'), speech)).toContain('cannot read audio');
    expect(audioProblem(own({}), speech)).toBeUndefined();
    expect(audioProblem(named('vllm'), { ...speech, task: 'text-to-speech' })).toBeUndefined();
    expect(audioProblem(named('vllm'), qwen3)).toBeUndefined();
  });
});

describe('warnings about a model', () => {
  it.each([
    ['vllm', { category: 'chat', architectures: ['Qwen3ForCausalLM'] }, 0],
    ['vllm', { category: 'chat', architectures: ['NobodyKnowsForCausalLM'] }, 1],
    ['sglang', { category: 'chat', architectures: ['NobodyKnowsForCausalLM'] }, 1],
    ['tei', { category: 'embedding', architectures: ['NobodyKnowsModel'] }, 0],
    ['llama.cpp', { category: 'chat', family: 'qwen3' }, 0],
    ['llama.cpp', { category: 'chat', family: 'nobody-knows' }, 1],
    ['llama.cpp', { category: 'chat' }, 0],
    ['vllm', { category: 'chat', chatTemplate: { present: false, marks: [] } }, 1],
    ['vllm', { category: 'embedding', chatTemplate: { present: false, marks: [] } }, 0],
  ] satisfies [string, ModelTraits, number][])('of %s on %j: %i', (runtime, traits, count) => {
    expect(modelWarnings(named(runtime), traits)).toHaveLength(count);
  });

  it('name the version that was looked at', () => {
    const [warning] = modelWarnings(named('vllm'), { category: 'chat', architectures: ['NobodyKnowsForCausalLM'] });
    expect(warning).toMatch(/vllm 0\.\d+\.\d+ does not list the architecture NobodyKnowsForCausalLM/);
  });
});

describe('fields of a launch', () => {
  const values = { max_sequences: 8, memory_share: 0.5, quantization: 'fp8' };

  it('mean the same on each engine', () => {
    const perEngine = Object.fromEntries(
      ['vllm', 'sglang'].map((name) => [name, fieldArguments(named(name), values, []).join(' ')]),
    );
    expect(perEngine).toEqual({
      vllm: '--max-num-seqs 8 --gpu-memory-utilization 0.5 --quantization fp8',
      sglang: '--max-running-requests 8 --mem-fraction-static 0.5 --quantization fp8',
    });
    // Without --kv-unified, each call of llama.cpp would have an eighth of the context.
    expect(fieldArguments(named('llama.cpp'), { max_sequences: 8 }, [])).toEqual(['--parallel', '8', '--kv-unified']);
  });

  it('are refused by an engine without such a setting', () => {
    expect(() => fieldArguments(named('llama.cpp'), { memory_share: 0.5 }, [])).toThrow(
      expect.objectContaining({ code: 'field_not_supported', field: 'memory_share' }) as Error,
    );
  });

  it('are refused beside the flag that they stand for', () => {
    expect(() => fieldArguments(named('vllm'), values, ['--max_num_seqs', '4'])).toThrow(
      expect.objectContaining({ code: 'argument_repeated' }) as Error,
    );
  });
});

describe('arguments that a launch may replace', () => {
  it('are there unless it does', () => {
    const options = { category: 'embedding', contextLength: undefined } as const;
    expect(argumentsOf(named('tei'), { ...options, arguments: [] }).join(' ')).toContain(
      '--max-concurrent-requests 16384 --payload-limit 64000000',
    );
    const words = argumentsOf(named('tei'), { ...options, arguments: ['--payload-limit', '5'] });
    expect(words.filter((word) => word === '--payload-limit')).toHaveLength(1);
    expect(words.slice(-2)).toEqual(['--payload-limit', '5']);
    expect(argumentsOf(named('llama.cpp'), { ...options, arguments: ['--metrics'] }).join(' ')).not.toContain(
      '--metrics --no-webui',
    );
  });
});
