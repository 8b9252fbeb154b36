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
  /** Undefined for models that make only embeddings. */
  generator: Generator | undefined;
  embedder: Embedder;
}

/** Limit without `--context-length`. A context of 128k tokens would need gigabytes for each caller. */
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

/** Compiles and downloads nothing: uses only the binaries that npm installed. */
function startLlama(llamaModule: LlamaModule, options: EngineArguments, threads: number): Promise<Llama> {
  return llamaModule.getLlama({
    build: 'never',
    skipDownload: true,
    gpu: options.gpu,
    maxThreads: threads,
    // Its default level is warnings and errors.
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

/** True for models such as BERT, which read in both directions and cannot continue a text. */
function isEncoder(model: LlamaModel): boolean {
  return model.fileInfo.architectureMetadata.attention?.causal === false;
}
