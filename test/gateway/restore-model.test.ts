import { expect, test } from 'vitest';
import OpenAI from 'openai';
import { createModelRestorer } from '../../src/gateway/restore-model.ts';
import { startEngine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import { routesServing } from './routes.ts';

function restored(text: string, pieceBytes: number): string {
  const restorer = createModelRestorer('tiny-1', 'tiny:1');
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(restorer.take(bytes.subarray(at, at + pieceBytes)));
  return Buffer.concat([...pieces, restorer.rest()]).toString();
}

const texts: [string, string, string][] = [
  ['an object', '{"id":"1","model":"tiny-1","n":1}', '{"id":"1","model":"tiny:1","n":1}'],
  ['spaces', '{"model" : "tiny-1"}', '{"model":"tiny:1"}'],
  ['events', 'data: {"model": "tiny-1"}\n\ndata: {"model": "tiny-1"}\n\n', 'data: {"model":"tiny:1"}\n\n'.repeat(2)],
  ['an object inside', '{"response":{"model":"tiny-1"}}', '{"response":{"model":"tiny:1"}}'],
  ['another model', '{"model":"tiny-12"}', '{"model":"tiny-12"}'],
  ['another key', '{"base_model":"tiny-1"}', '{"base_model":"tiny-1"}'],
  ['text that quotes it', '{"content":"\\"model\\":\\"tiny-1\\""}', '{"content":"\\"model\\":\\"tiny-1\\""}'],
  ['characters of many bytes', '{"c":"ä漢😀","model":"tiny-1"}', '{"c":"ä漢😀","model":"tiny:1"}'],
  ['half a field at the end', '{"model":"tin', '{"model":"tin'],
];

test.each(texts)('the model of the caller comes back in %s, whatever the pieces are', (_what, sent, expected) => {
  for (let pieceBytes = 1; pieceBytes <= sent.length; pieceBytes++) expect(restored(sent, pieceBytes)).toBe(expected);
});

test('the end of an event is passed on at once', () => {
  const restorer = createModelRestorer('tiny-1', 'tiny:1');
  const event = 'data: {"model":"tiny-1","choices":[{"delta":{"content":"one"}}]}\n\n';
  expect(restorer.take(Buffer.from(event)).toString()).toBe(event.replace('tiny-1', 'tiny:1'));
});

test('an SDK sees its own model id in each piece of a stream', async () => {
  await using engine = await startEngine((response, { body }) => {
    const { model } = JSON.parse(body) as { model: string };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const content of ['one', 'two'])
      response.write(`data: ${JSON.stringify({ id: 'c', model, choices: [{ index: 0, delta: { content } }] })}\n\n`);
    response.end('data: [DONE]\n\n');
  });
  await using server = await startTestServer({ routes: routesServing('tiny-1', [engine.url]) });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.localToken, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'hello' }];
  const models: string[] = [];
  for await (const chunk of await client.chat.completions.create({ model: 'tiny:1', messages, stream: true }))
    models.push(chunk.model);
  expect(models).toEqual(['tiny:1', 'tiny:1']);
  expect(engine.seen[0]?.body).toContain('"tiny-1"');
});
