import { Response } from 'undici';
import { expect, test } from 'vitest';
import { readPieces } from '../../src/cli/chat/answer-stream.ts';
import { createConversation } from '../../src/cli/chat/conversation.ts';
import { showRanking } from '../../src/cli/chat/one-shot.ts';

const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`;

test('pieces of an answer: thoughts apart, comments and empty pieces left out', async () => {
  const stream = `: hello\n\n${event({ role: 'assistant', content: '' })}${event({ reasoning_content: 'Hm.' })}${event({ content: 'Yes.' })}data: [DONE]\n\n`;
  expect(await piecesOf(stream)).toEqual([
    { kind: 'thought', text: 'Hm.' },
    { kind: 'answer', text: 'Yes.' },
  ]);
});

test.each([
  ['ends without [DONE]', event({ content: 'Y' }), 'It ended in the middle.'],
  ['has an error event', `data: {"error":{"message":"The replica died."}}\n\n`, 'The replica died.'],
])('a stream that %s is an error', async (_, stream, why) => {
  await expect(piecesOf(stream)).rejects.toMatchObject({
    code: 'answer_broke_off',
    message: `The answer broke off: ${why}`,
  });
});

test('an event without an end is bounded', async () => {
  await expect(piecesOf(`data: ${'x'.repeat(3_000_000)}`)).rejects.toThrow();
});

test('the history has what was said, as far as an answer came', async () => {
  const sent: unknown[] = [];
  const streams = [event({ content: 'One' }), `${event({ content: 'Two' })}data: [DONE]\n\n`, 'data: [DONE]\n\n'];
  const models = {
    async post(_path: string, body: object) {
      sent.push('messages' in body ? body.messages : body);
      return new Response(streams.shift());
    },
  };
  const conversation = createConversation({ modelId: 'm:1', models, system: 'Be brief.' });
  await expect(all(conversation.ask('a'))).rejects.toMatchObject({ code: 'answer_broke_off' });
  await all(conversation.ask('b'));
  conversation.clear();
  conversation.setSystem('');
  await all(conversation.ask('c'));
  const system = { role: 'system', content: 'Be brief.' };
  const first = [{ role: 'user', content: 'a' }];
  expect(sent).toEqual([
    [system, ...first],
    [system, ...first, { role: 'assistant', content: 'One' }, { role: 'user', content: 'b' }],
    [{ role: 'user', content: 'c' }],
  ]);
});

test('documents are shown from the best score to the worst', async () => {
  const results = [
    { index: 0, relevance_score: 0.1 },
    { index: 1, relevance_score: 0.9 },
  ];
  const models = { post: async () => new Response(JSON.stringify({ results })) };
  const shown = await showRanking(models, 'm:1', 'q', ['A fruit.', 'A \u001B[31mcity.'], { width: undefined, now: 0 });
  expect(shown).toBe('SCORE    DOCUMENT\n0.9000   A city.\n0.1000   A fruit.');
});

async function piecesOf(stream: string) {
  return all(readPieces(new Response(stream)));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}
