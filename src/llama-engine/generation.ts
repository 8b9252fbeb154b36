import type { ChatHistoryItem } from 'node-llama-cpp';
import type { Sampling } from './sampling.ts';

export type GrammarRequest = { kind: 'json' } | { kind: 'schema'; schema: Record<string, unknown> };

export interface GenerationRequest {
  /** A chat goes through the model's chat template. A text is continued without changes. */
  prompt: { kind: 'chat'; history: ChatHistoryItem[] } | { kind: 'text'; text: string };
  sampling: Sampling;
  maxTokens: number | undefined;
  grammar: GrammarRequest | undefined;
}

/** A piece of the answer. It consists of whole characters. */
export interface GeneratedText {
  kind: 'answer' | 'reasoning';
  text: string;
}

export interface GenerationResult {
  finishReason: 'stop' | 'length';
  promptTokens: number;
  completionTokens: number;
}

/** A valid request whose prompt fits in the context. Nothing has been sent to the caller yet. */
export interface PreparedGeneration {
  run(signal: AbortSignal, onText: (piece: GeneratedText) => void): Promise<GenerationResult>;
}
