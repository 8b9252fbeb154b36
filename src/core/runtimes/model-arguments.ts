import type { Category } from '../base/categories.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import { engineFactsOf } from './engine-facts/engine-facts.ts';
import { engineOf } from './launch-arguments/lists.ts';
import { scoringOf } from './lm-rerankers.ts';
import { flagName } from './model-code.ts';
import { parsersFor } from './parsers.ts';
import { unlessGiven } from './runtime.ts';
import type { Runtime } from './runtime.ts';

/** What decides how an engine must be told to serve a model. Absent facts are unknown. */
export interface ModelTraits {
  category: Category;
  task?: string | undefined;
  /** `architectures` of config.json. */
  architectures?: readonly string[] | undefined;
  /** `model_type` of config.json, or `general.architecture` of a GGUF. */
  family?: string | undefined;
  chatTemplate?: { present: boolean; marks: readonly string[] } | undefined;
  /** The launch's, else the model's own. In tokens. */
  contextLength?: number | undefined;
  /** The vision projector of a GGUF, from the model's folder. */
  projector?: string | undefined;
}

/**
 * The arguments that a model needs besides those of its runtime and category: parsers for tool calls and reasoning, what
 * makes a language model a reranker, and the projector for images. `given`: those of the launch, which come first.
 */
export function modelArguments(runtime: Runtime, model: ModelTraits, given: readonly string[]): string[] {
  const flags = [
    ...parserFlags(runtime, model),
    ...rerankerFlags(runtime, model),
    ...projectorFlags(runtime, model),
    ...batchFlags(runtime, model),
  ];
  return unlessGiven(flags, [...runtime.arguments, ...given]);
}

/** vLLM answers calls with tools with status 400 unless it has a parser. */
function parserFlags(runtime: Runtime, { category, family, chatTemplate }: ModelTraits): string[][] {
  const engine = engineOf(runtime);
  if (!runtime.fits_model || category !== 'chat' || (engine !== 'vllm' && engine !== 'sglang')) return [];
  const { tools, reasoning } = parsersFor({ family, marks: chatTemplate?.marks }, engine);
  const auto = engine === 'vllm' && tools !== undefined ? [['--enable-auto-tool-choice']] : [];
  return [
    ...auto,
    ...(tools === undefined ? [] : [['--tool-call-parser', tools]]),
    ...(reasoning === undefined ? [] : [['--reasoning-parser', reasoning]]),
  ];
}

function rerankerFlags(runtime: Runtime, { category, architectures }: ModelTraits): string[][] {
  if (!runtime.fits_model || category !== 'reranker' || engineOf(runtime) !== 'vllm') return [];
  const scoring = scoringOf(architectures);
  if (scoring.kind !== 'generates' || scoring.reranker === undefined) return [];
  const { overrides, prompt } = scoring.reranker;
  return [
    ['--hf-overrides', JSON.stringify(overrides)],
    ['--chat-template', prompt],
  ];
}

function projectorFlags({ projector_argument: flag }: Runtime, { projector }: ModelTraits): string[][] {
  return flag === undefined || projector === undefined ? [] : [[flag, `{model_dir}/${projector}`]];
}

/** What TEI puts into one batch by default. A text that is longer than a batch is cut to it. In tokens. */
const teiBatch = 16_384;

function batchFlags(runtime: Runtime, { contextLength = 0 }: ModelTraits): string[][] {
  const isTooLong = runtime.fits_model && engineOf(runtime) === 'tei' && contextLength > teiBatch;
  return isTooLong ? [['--max-batch-tokens', String(contextLength)]] : [];
}

/** Why the runtime would answer rerank calls of this model with numbers that are no scores. Undefined if it would not. */
export function rerankProblem(runtime: Runtime, { category, architectures }: ModelTraits): string | undefined {
  const engine = engineOf(runtime);
  if (category !== 'reranker' || (engine !== 'vllm' && engine !== 'tei')) return undefined;
  const own = [...runtime.arguments, ...(runtime.category_arguments.reranker ?? [])];
  if (own.map((word) => plainFlag(flagName(word))).includes('--hf-overrides')) return undefined;
  const scoring = scoringOf(architectures);
  if (scoring.kind === 'embeds')
    return `${scoring.architecture} is a model for embeddings. ${runtime.name} would answer with similarities, not with scores.`;
  if (scoring.kind === 'scores' || (scoring.reranker && runtime.fits_model && engine === 'vllm')) return undefined;
  return `${scoring.architecture} is a language model, and EcoLink does not know how ${runtime.name} makes scores with it.`;
}

/** Why no call with audio would succeed. Undefined if the engine reads audio, or if the model takes none. */
export function audioProblem(runtime: Runtime, { category, task }: ModelTraits): string | undefined {
  const listens = category === 'audio' && (task === undefined || task === 'automatic-speech-recognition');
  if (!listens || runtime.reads_audio || engineOf(runtime) !== 'vllm') return undefined;
  const where = 'image' in runtime ? `The image ${runtime.image}` : `The vLLM at ${runtime.command[0]}`;
  return `${where} cannot read audio: it lacks the packages of vllm[audio].`;
}

/** What may go wrong with this model on this engine, each a sentence. None of it stops a launch. */
export function modelWarnings(runtime: Runtime, model: ModelTraits): string[] {
  return [...unknownArchitecture(runtime, model), ...missingTemplate(runtime, model)];
}

function unknownArchitecture(runtime: Runtime, { architectures, family }: ModelTraits): string[] {
  const engine = engineOf(runtime);
  const facts = engineFactsOf(engine);
  const isGguf = engine === 'llama.cpp' || engine === 'llama-engine';
  const names = isGguf ? [family].filter((name) => name !== undefined) : (architectures ?? []);
  if (facts === undefined || names.length === 0 || names.some((name) => facts.architectures.includes(name))) return [];
  return [
    `${runtime.name} ${facts.version} does not list the architecture ${names.join(', ')}. It may refuse to start with this model.`,
  ];
}

function missingTemplate(runtime: Runtime, { category, chatTemplate }: ModelTraits): string[] {
  if (category !== 'chat' || chatTemplate?.present !== false) return [];
  return [
    `The model has no chat template. ${runtime.name} may refuse chat calls, or answer them badly. Calls of /v1/completions work.`,
  ];
}
