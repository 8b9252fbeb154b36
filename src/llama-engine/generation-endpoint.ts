import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { asApiError } from './api-error.ts';
import { EventStream } from './event-stream.ts';
import type { GeneratedText, GenerationResult, PreparedGeneration } from './generation.ts';
import { sendJson } from './http-messages.ts';

/** The form of the answers of one of the two generating endpoints. */
export interface AnswerShape {
  idPrefix: string;
  object: string;
  chunkObject: string;
  choice(text: Readonly<Record<GeneratedText['kind'], string>>): Record<string, unknown>;
  /** Sent before the first text. */
  opening?: Record<string, unknown>;
  chunk(piece: GeneratedText): Record<string, unknown>;
  /** Sent with `finish_reason`. */
  closing: Record<string, unknown>;
}

export interface AnswerOptions {
  model: string;
  stream: boolean;
  includeUsage: boolean;
}

export async function answer(
  response: ServerResponse,
  signal: AbortSignal,
  shape: AnswerShape,
  options: AnswerOptions,
  prepared: PreparedGeneration,
): Promise<GenerationResult> {
  const head = {
    id: `${shape.idPrefix}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: options.model,
  };
  if (options.stream)
    return streamAnswer(response, signal, shape, { ...head, object: shape.chunkObject }, options, prepared);
  const text = { answer: '', reasoning: '' };
  const result = await prepared.run(signal, (piece) => {
    text[piece.kind] += piece.text;
  });
  const choice = { index: 0, ...shape.choice(text), logprobs: null, finish_reason: result.finishReason };
  sendJson(response, 200, { ...head, object: shape.object, choices: [choice], usage: usageOf(result) });
  return result;
}

async function streamAnswer(
  response: ServerResponse,
  signal: AbortSignal,
  shape: AnswerShape,
  head: Record<string, unknown>,
  { includeUsage }: AnswerOptions,
  prepared: PreparedGeneration,
): Promise<GenerationResult> {
  const events = new EventStream(response);
  const usage = includeUsage ? { usage: null } : {};
  const sendChoice = (choice: Record<string, unknown>, finishReason: string | null): void =>
    events.send({ ...head, choices: [{ index: 0, ...choice, logprobs: null, finish_reason: finishReason }], ...usage });
  if (shape.opening !== undefined) sendChoice(shape.opening, null);
  try {
    const result = await prepared.run(signal, (piece) => sendChoice(shape.chunk(piece), null));
    sendChoice(shape.closing, result.finishReason);
    if (includeUsage) events.send({ ...head, choices: [], usage: usageOf(result) });
    events.done();
    return result;
  } catch (error) {
    events.fail(asApiError(error));
    throw error;
  }
}

function usageOf({ promptTokens, completionTokens }: GenerationResult): Record<string, number> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
