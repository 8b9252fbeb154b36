import { expect, test } from 'vitest';
import { startTestServer } from '../support/server.ts';

/** Reads the stream until it contains `text`, or to its end. */
async function readUntil(reader: ReadableStreamDefaultReader<string>, text: string): Promise<string> {
  let all = '';
  while (!all.includes(text)) {
    const { done, value } = await reader.read();
    if (done) break;
    all += value;
  }
  return all;
}

test('changes arrive as events when they happen, and the stream ends with the server', async () => {
  await using server = await startTestServer();
  const answer = await server.fetch('/api/events');
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = (answer.body ?? expect.fail('An event stream has a body.'))
    .pipeThrough(new TextDecoderStream())
    .getReader();
  await readUntil(reader, ': connected\n\n');
  server.core.changes.publish({ kind: 'instance', id: '3' });
  expect(await readUntil(reader, '\n\n')).toBe('event: change\ndata: {"kind":"instance","id":"3"}\n\n');
  const rest = readUntil(reader, 'nothing more is to come');
  await server.server.close();
  expect(await rest).toBe('');
});

test('a stream ends soon after its token was revoked', { timeout: 60_000 }, async () => {
  await using server = await startTestServer();
  const headers = { authorization: `Bearer ${await server.token('read')}` };
  const answer = await server.fetch('/api/events', { headers });
  const reader = (answer.body ?? expect.fail('An event stream has a body.'))
    .pipeThrough(new TextDecoderStream())
    .getReader();
  await readUntil(reader, ': connected\n\n');
  await server.core.access.revokeToken('made-1');
  expect(await readUntil(reader, 'nothing more is to come')).toBe(': still here\n\n');
});
