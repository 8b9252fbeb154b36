import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Response } from 'undici';
import { z } from 'zod';
import { fail } from '../../core/base/errors.ts';
import { parseJson } from '../../core/base/parse-json.ts';

/** A piece of an answer. A `thought` comes from a reasoning model, before its answer. */
export interface Piece {
  kind: 'answer' | 'thought';
  text: string;
}

const delta = z.object({
  content: z.string().nullish(),
  // vLLM and llama.cpp name it in the first way, newer vLLM in the second.
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
});
const chunk = z.object({
  choices: z.array(z.object({ delta: delta.optional() })).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** The longest event. More is no answer of a chat model. */
const longestEvent = 1024 * 1024;

/** The pieces of a streamed chat answer. Throws `answer_broke_off` if the stream ends before `[DONE]`, or with an error. */
export async function* readPieces({ body }: Pick<Response, 'body'>): AsyncGenerator<Piece> {
  const events = body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ maxBufferSize: longestEvent, onError: 'terminate' }));
  for await (const { data } of events ?? []) {
    if (data === '[DONE]') return;
    yield* piecesOf(data);
  }
  throw brokeOff('It ended in the middle.');
}

function* piecesOf(data: string): Generator<Piece> {
  const { data: parsed } = chunk.safeParse(parseJson(data));
  if (parsed?.error) throw brokeOff(parsed.error.message);
  const { content, reasoning_content: reasoning, reasoning: thought } = parsed?.choices?.[0]?.delta ?? {};
  const thoughts = reasoning ?? thought;
  if (thoughts) yield { kind: 'thought', text: thoughts };
  if (content) yield { kind: 'answer', text: content };
}

function brokeOff(why: string): Error {
  return fail('answer_broke_off', `The answer broke off: ${why}`, { nextStep: 'Ask again.' });
}
