import { expect, test } from 'vitest';
import { capturedLog } from '../support/captured-log.ts';
import { startEngine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import { routesTo, routesWithKey } from './routes.ts';

const key = 'key-of-this-replica';
const chat = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"model":"tiny:1","messages":[]}',
};

test('every call to a replica carries its key in place of the token of the caller, who does not see the key', async () => {
  await using engine = await startEngine((response) => void response.end('{}'));
  const { log, text } = capturedLog();
  await using server = await startTestServer({ routes: routesWithKey(key, [engine.url]), log });
  for (const answer of [
    await server.fetch('/v1/chat/completions', chat),
    await server.fetch('/instances/1/proxy/props'),
    await server.fetch('/v1/models'),
  ]) {
    expect(answer.status).toBe(200);
    expect(JSON.stringify([await answer.text(), ...answer.headers])).not.toContain(key);
  }
  expect(engine.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${key}`, `Bearer ${key}`]);
  expect(JSON.stringify(engine.seen)).not.toContain(server.localToken);
  expect(text()).not.toContain(key);
});

test('a replica without a key gets no authorization at all', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  await server.fetch('/v1/chat/completions', chat);
  await server.fetch('/instances/1/proxy/props');
  expect(engine.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});
