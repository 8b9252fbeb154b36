import type { ChatHistoryItem } from 'node-llama-cpp';
import type { Sampling } from './sampling.ts';

export type GrammarRequest = { kind: 'json' } | { kind: 'schema'; schema: Record<string, unknown> };

export interface GenerationRequest {
  /** A conversation goes through the model's chat template; a text is continued as it stands. */
  prompt: { kind: 'chat'; history: ChatHistoryItem[] } | { kind: 'text'; text: string };
  sampling: Sampling;
  maxTokens: number | undefined;
  grammar: GrammarRequest | undefined;
}

/** A piece of the answer: whole characters only, never half of one. */
export interface GeneratedText {
  kind: 'answer' | 'reasoning';
  text: string;
}

export interface GenerationResult {
  finishReason: 'stop' | 'length';
  promptTokens: number;
  completionTokens: number;
}

/** A request that was found good: its prompt fits. Nothing has been sent to the caller yet. */
export interface PreparedGeneration {
  run(signal: AbortSignal, onText: (piece: GeneratedText) => void): Promise<GenerationResult>;
}
