import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import { contextLengthExceeded } from './api-error.ts';

const defaultContextLength = 2048;

export interface Embeddings {
  vectors: Float32Array[];
  promptTokens: number;
}

/** Makes vectors of unit length. Its context needs memory, so the first call creates it. */
export class Embedder {
  readonly #model: LlamaModel;
  readonly #contextLength: number;
  #context: Promise<LlamaEmbeddingContext> | undefined;

  constructor(model: LlamaModel, contextLength = defaultContextLength) {
    this.#model = model;
    this.#contextLength = Math.min(contextLength, model.trainContextSize);
  }

  /** @throws ApiError if an input is longer than the context */
  async embed(inputs: readonly string[], signal: AbortSignal): Promise<Embeddings> {
    this.#context ??= this.#createContext();
    const context = await this.#context;
    const lengths = inputs.map((input) => context.calculateInputLength(input));
    const longest = Math.max(...lengths);
    if (longest >= this.#contextLength) throw contextLengthExceeded(longest, this.#contextLength - 1, 'input');
    const vectors: Float32Array[] = [];
    for (const input of inputs) {
      signal.throwIfAborted();
      vectors.push(unitVector((await context.getEmbeddingFor(input)).vector));
    }
    return { vectors, promptTokens: lengths.reduce((sum, length) => sum + length, 0) };
  }

  #createContext(): Promise<LlamaEmbeddingContext> {
    // A model that reads in both directions needs the whole input in one batch.
    const size = { contextSize: this.#contextLength, batchSize: this.#contextLength };
    const context = this.#model.createEmbeddingContext(size);
    context.catch(() => {
      this.#context = undefined;
    });
    return context;
  }
}

/** llama.cpp does not normalise embeddings. OpenAI's have length 1, so that callers can compare them by dot product. */
function unitVector(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}
