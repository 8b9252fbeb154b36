/**
 * Which parser reads the tool calls and the reasoning of a model. Engines write both as plain text unless they are told.
 * From docs.vllm.ai/en/stable/features/tool_calling.html and reasoning_outputs.html (0.32.0), and
 * docs.sglang.io/docs/advanced_features/tool_parser.html (0.5.18). `test/core/runtimes/parsers.test.ts` holds the names
 * against the lists in the engines' packages.
 */
export type ParserEngine = 'vllm' | 'sglang';

type ParserNames = Partial<Record<ParserEngine, string>>;

interface ParserRule {
  /** `model_type` of config.json. */
  family?: RegExp;
  /** Texts that must be in the chat template. It says how the model was trained, whatever its family is. */
  marks?: readonly string[];
  parser: ParserNames;
}

const both = (name: string): ParserNames => ({ vllm: name, sglang: name });

/** The first rule that fits counts. */
const toolRules: readonly ParserRule[] = [
  { family: /^gpt_oss$/, parser: { vllm: 'openai', sglang: 'gpt-oss' } },
  { marks: ['<minimax:tool_call>'], parser: { vllm: 'minimax_m2', sglang: 'minimax-m2' } },
  { marks: ['<|tool_calls_section_begin|>'], parser: both('kimi_k2') },
  { marks: ['<seed:tool_call>'], parser: { vllm: 'seed_oss' } },
  { family: /^step3$/, marks: ['<steptml:'], parser: both('step3') },
  { marks: ['<｜DSML｜'], parser: { vllm: 'deepseek_v32', sglang: 'deepseekv32' } },
  {
    marks: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>function'],
    parser: { vllm: 'deepseek_v3', sglang: 'deepseekv3' },
  },
  { marks: ['<｜tool▁calls▁begin｜>'], parser: { vllm: 'deepseek_v31', sglang: 'deepseekv31' } },
  { family: /^glm4_moe|^glm/, marks: ['<arg_key>'], parser: both('glm45') },
  { family: /^hunyuan/, marks: ['<tool_calls>'], parser: { vllm: 'hunyuan_a13b', sglang: 'hunyuan' } },
  { family: /^jamba/, marks: ['<tool_calls>'], parser: { vllm: 'jamba' } },
  { family: /^ernie4_5/, marks: ['<tool_call>'], parser: { vllm: 'ernie45' } },
  { family: /^mimo/, marks: ['<tool_call>'], parser: both('mimo') },
  { marks: ['<tool_call>', '<function='], parser: both('qwen3_coder') },
  { family: /^granitemoehybrid/, marks: ['<tool_call>'], parser: { vllm: 'granite4' } },
  { marks: ['<tool_call>'], parser: both('hermes') },
  { family: /^granite/, marks: ['<|tool_call|>'], parser: { vllm: 'granite' } },
  { family: /^internlm2/, marks: ['<|plugin|>'], parser: { vllm: 'internlm', sglang: 'interns1' } },
  { family: /^(?:mistral|mixtral|ministral|pixtral)/, marks: ['[TOOL_CALLS]'], parser: both('mistral') },
  { family: /^llama4/, marks: ['tools'], parser: { vllm: 'llama4_pythonic', sglang: 'pythonic' } },
  { family: /^m?llama/, marks: ['ipython'], parser: { vllm: 'llama3_json', sglang: 'llama3' } },
  { family: /^phi/, marks: ['<|tool|>'], parser: { vllm: 'phi4_mini_json' } },
  { family: /^gemma4/, marks: ['tools'], parser: both('gemma4') },
  { family: /^olmo3/, marks: ['<function_calls>'], parser: { vllm: 'olmo3', sglang: 'pythonic' } },
  { family: /^lfm2/, marks: ['<|tool_call_start|>'], parser: both('lfm2') },
  { family: /^apertus/, marks: ['tools'], parser: { vllm: 'apertus', sglang: 'apertus2509' } },
];

const thinks = ['<think>'];

const reasoningRules: readonly ParserRule[] = [
  { family: /^gpt_oss$/, parser: { vllm: 'openai_gptoss', sglang: 'gpt-oss' } },
  { family: /^minimax_m2/, parser: { vllm: 'minimax_m2', sglang: 'minimax' } },
  { family: /^seed_oss/, parser: { vllm: 'seed_oss' } },
  { family: /^step3$/, marks: thinks, parser: both('step3') },
  { family: /^qwen3/, marks: ['<think>'], parser: both('qwen3') },
  { family: /^glm4_moe|^glm/, marks: thinks, parser: both('glm45') },
  { family: /^kimi_k2|^kimi_k25/, marks: thinks, parser: both('kimi_k2') },
  { family: /^hunyuan/, marks: thinks, parser: { vllm: 'hunyuan_a13b', sglang: 'hunyuan' } },
  { family: /^ernie4_5/, marks: thinks, parser: { vllm: 'ernie45' } },
  { family: /^mimo/, marks: thinks, parser: both('mimo') },
  { family: /^nemotron/, marks: thinks, parser: { vllm: 'nemotron_v3', sglang: 'nemotron_3' } },
  { family: /^olmo3/, marks: thinks, parser: { vllm: 'olmo3' } },
  { family: /^deepseek_v3/, marks: ['thinking', '</think>'], parser: { vllm: 'deepseek_v3', sglang: 'deepseek-v3' } },
  { family: /^gemma4/, parser: both('gemma4') },
  { family: /^(?:mistral|ministral)/, marks: ['[THINK]'], parser: both('mistral') },
  { family: /^granite/, marks: ['thinking'], parser: { vllm: 'granite' } },
  // DeepSeek-R1 and the models that were distilled from it.
  { marks: ["split('</think>')"], parser: { vllm: 'deepseek_r1', sglang: 'deepseek-r1' } },
];

/** The marks that a chat template is searched for, once, when a model is checked. */
export const templateMarks: readonly string[] = [
  ...new Set([...toolRules, ...reasoningRules].flatMap(({ marks = [] }) => marks)),
];

/** What decides which parsers a model needs. Undefined marks: its chat template is unknown. */
export interface TalkingModel {
  family?: string | undefined;
  marks?: readonly string[] | undefined;
}

export interface Parsers {
  tools: string | undefined;
  reasoning: string | undefined;
}

export function parsersFor(model: TalkingModel, engine: ParserEngine): Parsers {
  return { tools: find(toolRules, model)?.[engine], reasoning: find(reasoningRules, model)?.[engine] };
}

function find(rules: readonly ParserRule[], { family = '', marks }: TalkingModel): ParserNames | undefined {
  return rules.find(
    (rule) =>
      (rule.family === undefined || rule.family.test(family)) &&
      (rule.marks ?? []).every((mark) => marks?.includes(mark) === true),
  )?.parser;
}

/** Every name in the rules, for the tests. */
export function parserNames(kind: 'tools' | 'reasoning', engine: ParserEngine): string[] {
  const rules = kind === 'tools' ? toolRules : reasoningRules;
  return rules.flatMap(({ parser }) => parser[engine] ?? []);
}
