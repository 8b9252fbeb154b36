import { describe, expect, it } from 'vitest';
import { engineFactsOf } from '../../../src/core/runtimes/engine-facts/engine-facts.ts';
import { parserNames, parsersFor } from '../../../src/core/runtimes/parsers.ts';
import { chatTemplateOf } from '../../../src/core/registry/chat-template.ts';

/** A piece of each family's own chat template (tokenizer_config.json on the Hub), and what reads its answers. */
const templates: [string, string, string, ReturnType<typeof parsersFor>][] = [
  ['Qwen3', 'qwen3', 'within <tool_call></tool_call> XML tags … <think>', { tools: 'hermes', reasoning: 'qwen3' }],
  ['Qwen2.5', 'qwen2', 'within <tool_call></tool_call> XML tags', { tools: 'hermes', reasoning: undefined }],
  ['Qwen3-Coder', 'qwen3_moe', '<tool_call>\n<function=name>', { tools: 'qwen3_coder', reasoning: undefined }],
  ['Hermes on Llama', 'llama', '<tools> … <tool_call>', { tools: 'hermes', reasoning: undefined }],
  ['Llama 3.1', 'llama', 'Environment: ipython', { tools: 'llama3_json', reasoning: undefined }],
  ['Llama 2', 'llama', '[INST]', { tools: undefined, reasoning: undefined }],
  ['Mistral', 'mistral', '[AVAILABLE_TOOLS] [TOOL_CALLS]', { tools: 'mistral', reasoning: undefined }],
  ['gpt-oss', 'gpt_oss', '<|start|>', { tools: 'openai', reasoning: 'openai_gptoss' }],
  ['GLM-4.6', 'glm4_moe', '<tool_call> <arg_key> <think>', { tools: 'glm45', reasoning: 'glm45' }],
  [
    'a distillate of DeepSeek-R1',
    'qwen2',
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function content.split('</think>')[-1]",
    { tools: 'deepseek_v3', reasoning: 'deepseek_r1' },
  ],
];

describe('the parsers of a model', () => {
  it.each(templates)('are those of %s', (_name, family, template, expected) => {
    expect(parsersFor({ family, marks: chatTemplateOf([template]).marks }, 'vllm')).toEqual(expected);
  });

  it('are unknown if its template is unknown and its family says nothing', () => {
    expect(parsersFor({ family: 'qwen3' }, 'vllm')).toEqual({ tools: undefined, reasoning: undefined });
    expect(parsersFor({ family: 'gpt_oss' }, 'sglang')).toEqual({ tools: 'gpt-oss', reasoning: 'gpt-oss' });
    expect(parsersFor({}, 'vllm')).toEqual({ tools: undefined, reasoning: undefined });
  });

  it.each(['vllm', 'sglang'] as const)('have names that the package of %s registers', (engine) => {
    const facts = engineFactsOf(engine);
    expect(parserNames('tools', engine).filter((name) => !facts?.toolParsers?.includes(name))).toEqual([]);
    expect(parserNames('reasoning', engine).filter((name) => !facts?.reasoningParsers?.includes(name))).toEqual([]);
  });
});
