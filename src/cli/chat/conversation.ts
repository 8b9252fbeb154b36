import type { ModelCalls } from '../../client/model-calls.ts';
import { readPieces } from './answer-stream.ts';
import type { Piece } from './answer-stream.ts';

interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface ConversationOptions {
  modelId: string;
  models: ModelCalls;
  system?: string | undefined;
  maxTokens?: number | undefined;
}

/** What was said so far, and the next answer. */
export interface Conversation {
  /** The answer streams. An answer that was stopped or broke off stays in the history as far as it came. */
  ask(text: string, signal?: AbortSignal): AsyncGenerator<Piece>;
  /** The instruction that stands before everything. An empty text removes it. */
  setSystem(text: string): void;
  /** Forgets what was said. The instruction stays. */
  clear(): void;
}

export function createConversation({ modelId, models, maxTokens, system = '' }: ConversationOptions): Conversation {
  let instruction = system;
  let said: Message[] = [];
  return {
    async *ask(text, signal) {
      const question: Message = { role: 'user', content: text };
      const before: Message[] = instruction === '' ? [] : [{ role: 'system', content: instruction }];
      const messages = [...before, ...said, question];
      const response = await models.post(
        '/chat/completions',
        { model: modelId, messages, stream: true, max_tokens: maxTokens },
        signal,
      );
      let answer = '';
      try {
        for await (const piece of readPieces(response)) {
          if (piece.kind === 'answer') answer += piece.text;
          yield piece;
        }
      } finally {
        if (answer !== '') said = [...said, question, { role: 'assistant', content: answer }];
      }
    },
    setSystem: (text) => {
      instruction = text;
    },
    clear: () => {
      said = [];
    },
  };
}
