import type {
  ChatHistoryItem,
  ChatWrapper,
  GbnfJsonObjectSchema,
  LlamaChat,
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammar,
  Token,
} from 'node-llama-cpp';
import { badRequest, contextLengthExceeded } from './api-error.ts';
import type {
  GeneratedText,
  GenerationRequest,
  GenerationResult,
  GrammarRequest,
  PreparedGeneration,
} from './generation.ts';
import { logLine } from './log.ts';
import { SequencePool } from './sequence-pool.ts';

/** Tokens kept free after the prompt, for text that a chat template puts before the answer, such as the start of a thought. */
const spareTokens = 8;

interface GeneratorDeps {
  context: LlamaContext;
  /** The model's own chat template. */
  chatWrapper: ChatWrapper;
  /** Continues a text without changes. */
  textWrapper: ChatWrapper;
  newChat: (sequence: LlamaContextSequence, wrapper: ChatWrapper) => LlamaChat;
}

interface Job {
  request: GenerationRequest;
  history: ChatHistoryItem[];
  wrapper: ChatWrapper;
  promptTokens: Token[];
  maxTokens: number;
  grammar: LlamaGrammar | undefined;
}

/** Generates text for as many callers at the same time as the context has sequences. */
export class Generator {
  readonly #deps: GeneratorDeps;
  readonly #pool: SequencePool<LlamaContextSequence>;

  constructor(deps: GeneratorDeps) {
    this.#deps = deps;
    const { context } = deps;
    this.#pool = new SequencePool(Array.from({ length: context.totalSequences }, () => context.getSequence()));
  }

  get contextLength(): number {
    return this.#deps.context.contextSize;
  }

  /** @throws ApiError if the prompt leaves no room for an answer, or if the schema cannot be a grammar */
  async prepare(request: GenerationRequest): Promise<PreparedGeneration> {
    const job = await this.#job(request);
    return { run: (signal, onText) => this.#run(job, signal, onText) };
  }

  async #job(request: GenerationRequest): Promise<Job> {
    const { context, chatWrapper, textWrapper } = this.#deps;
    const { prompt, maxTokens = Infinity } = request;
    const wrapper = prompt.kind === 'chat' ? chatWrapper : textWrapper;
    const history = openForAnswer(prompt.kind === 'chat' ? prompt.history : [{ type: 'user', text: prompt.text }]);
    const { contextText } = wrapper.generateContextState({ chatHistory: history });
    const promptTokens = contextText.tokenize(context.model.tokenizer);
    const room = context.contextSize - promptTokens.length - spareTokens;
    if (room < 1) {
      const param = prompt.kind === 'chat' ? 'messages' : 'prompt';
      throw contextLengthExceeded(promptTokens.length, context.contextSize - spareTokens - 1, param);
    }
    const grammar = await this.#grammar(request.grammar);
    return { request, history, wrapper, promptTokens, maxTokens: Math.min(maxTokens, room), grammar };
  }

  async #grammar(request: GrammarRequest | undefined): Promise<LlamaGrammar | undefined> {
    if (request === undefined) return undefined;
    const { llama } = this.#deps.context.model;
    if (request.kind === 'json') return llama.getGrammarFor('json');
    try {
      // The library checks the schema itself and throws if it cannot follow it.
      return await llama.createGrammarForJsonSchema(request.schema as GbnfJsonObjectSchema);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw badRequest('invalid_value', `The schema cannot be converted to a grammar: ${reason}`, 'response_format');
    }
  }

  #run(job: Job, signal: AbortSignal, onText: (piece: GeneratedText) => void): Promise<GenerationResult> {
    // The sequence that has evaluated the longest prefix of this prompt answers first.
    const evaluated = (sequence: LlamaContextSequence): number =>
      sequence.compareContextTokens(job.promptTokens).firstDifferentIndex;
    return this.#pool.use(signal, evaluated, (sequence) => this.#generate(job, sequence, signal, onText));
  }

  async #generate(
    job: Job,
    sequence: LlamaContextSequence,
    signal: AbortSignal,
    onText: (piece: GeneratedText) => void,
  ): Promise<GenerationResult> {
    // Reused results of earlier prompts change rounding, and sometimes the answer.
    if (job.request.sampling.isSeeded) await sequence.clearHistory();
    const meter = sequence.tokenMeter.getState();
    const chat = this.#deps.newChat(sequence, job.wrapper);
    try {
      const { metadata } = await chat.generateResponse(job.history, {
        ...samplingOptions(job),
        signal,
        onResponseChunk: ({ type, text }) => {
          if (text !== '') onText({ kind: type === 'segment' ? 'reasoning' : 'answer', text });
        },
      });
      return {
        finishReason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
        promptTokens: job.promptTokens.length,
        completionTokens: sequence.tokenMeter.diff(meter).usedOutputTokens,
      };
    } catch (error) {
      const completionTokens = sequence.tokenMeter.diff(meter).usedOutputTokens;
      if (signal.aborted) logLine('info', 'generation_cancelled', { completion_tokens: completionTokens });
      throw error;
    } finally {
      chat.dispose({ disposeSequence: false });
    }
  }
}

function samplingOptions({ request, maxTokens, grammar }: Job) {
  const { temperature, topP, topK, minP, seed, repeatPenalty, stop } = request.sampling;
  return {
    temperature,
    topP,
    topK,
    minP,
    seed,
    repeatPenalty,
    maxTokens,
    customStopTriggers: stop,
    grammar,
  };
}

/** The template leaves only a last message of the model open. Some callers begin that message themselves. */
function openForAnswer(history: readonly ChatHistoryItem[]): ChatHistoryItem[] {
  return history.at(-1)?.type === 'model' ? [...history] : [...history, { type: 'model', response: [] }];
}
