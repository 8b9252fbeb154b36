import { stat } from 'node:fs/promises';
import type { Llama, LlamaModel } from 'node-llama-cpp';
import type { EngineArguments } from './arguments.ts';
import { Embedder } from './embedder.ts';
import { Generator } from './generator.ts';
import { logLine } from './log.ts';
import { makeTextWrapper } from './text-wrapper.ts';
import { usefulThreads } from './threads.ts';

type LlamaModule = typeof import('node-llama-cpp');

export interface Engine {
  /** Undefined for models that only make embeddings. */
  generator: Generator | undefined;
  embedder: Embedder;
}

/** Without `--context-length`: a model trained for 128k tokens would take gigabytes for each caller. */
const defaultContextLength = 8192;

export async function loadEngine(llamaModule: LlamaModule, options: EngineArguments): Promise<Engine> {
  const { size } = await stat(options.model);
  const threads = options.threads ?? usefulThreads(size);
  const llama = await startLlama(llamaModule, options, threads);
  const model = await llama.loadModel({ modelPath: options.model });
  const generator = isEncoder(model) ? undefined : await createGenerator(llamaModule, model, options);
  logLine('info', 'loaded', {
    bytes: size,
    threads,
    gpu: llama.gpu,
    parallel: generator === undefined ? 0 : options.parallel,
    context_length: generator?.contextLength,
  });
  return { generator, embedder: new Embedder(model, options.contextLength) };
}

/** Nothing is compiled or fetched here: the packages that npm installed have to do. */
function startLlama(llamaModule: LlamaModule, options: EngineArguments, threads: number): Promise<Llama> {
  return llamaModule.getLlama({
    build: 'never',
    skipDownload: true,
    gpu: options.gpu,
    maxThreads: threads,
    // Warnings and errors only, which is its default level.
    logger: (level, message) => logLine('warn', 'llama.cpp', { severity: level, message: message.trim() }),
  });
}

async function createGenerator(
  llamaModule: LlamaModule,
  model: LlamaModel,
  options: EngineArguments,
): Promise<Generator> {
  const { LlamaChat, resolveChatWrapper } = llamaModule;
  const context = await model.createContext({
    sequences: options.parallel,
    contextSize: options.contextLength ?? { max: defaultContextLength },
  });
  return new Generator({
    context,
    chatWrapper: resolveChatWrapper(model, { warningLogs: false }),
    textWrapper: makeTextWrapper(llamaModule, model.tokens.shouldPrependBosToken),
    newChat: (contextSequence, chatWrapper) => new LlamaChat({ contextSequence, chatWrapper }),
  });
}

/** BERT and its kin read in both directions and cannot continue a text. */
function isEncoder(model: LlamaModel): boolean {
  return model.fileInfo.architectureMetadata.attention?.causal === false;
}
