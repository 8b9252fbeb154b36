import { expect, test } from 'vitest';
import { createReplicas } from '../../src/gateway/replicas.ts';
import { createWholeLines } from '../../src/gateway/whole-lines.ts';
import { deadUrl, echo, sendJson, startEngine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { routesTo } from './routes.ts';

function complete(server: TestServer): Promise<Response> {
  return server.fetch('/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny:1', prompt: 'hello' }),
  });
}

test('the replica with the fewest open calls is picked, in turn among equals', () => {
  const replicas = createReplicas(() => 0);
  const urls = ['a', 'b', 'c'];
  const picked = urls.map(() => replicas.pick(urls));
  expect(new Set(picked)).toEqual(new Set(urls));
  const releaseA = replicas.take('a');
  replicas.take('b');
  expect([replicas.pick(urls), replicas.pick(urls)]).toEqual(['c', 'c']);
  replicas.take('c');
  releaseA();
  expect([replicas.pick(urls), replicas.pick(urls)]).toEqual(['a', 'a']);
});

test('a replica that could not be reached comes last for a while', () => {
  let now = 0;
  const replicas = createReplicas(() => now);
  replicas.take('b');
  replicas.doubt('a');
  expect(replicas.pick(['a', 'b'])).toBe('b');
  expect(replicas.pick(['a'])).toBe('a');
  expect(replicas.pick(['a'], 'a')).toBeUndefined();
  now = 60_000;
  expect(replicas.pick(['a', 'b'])).toBe('a');
});

test('calls that are open at the same time are shared between the replicas', async () => {
  const bothHold = Promise.withResolvers<void>();
  const holding: string[] = [];
  const hold = (name: string) => async (response: Parameters<typeof sendJson>[0]) => {
    holding.push(name);
    if (holding.length === 4) bothHold.resolve();
    await bothHold.promise;
    sendJson(response, { name });
  };
  await using one = await startEngine(hold('one'));
  await using two = await startEngine(hold('two'));
  await using server = await startTestServer({ routes: routesTo([one.url, two.url]) });
  const answers = await Promise.all([1, 2, 3, 4].map(() => complete(server)));
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  expect(holding.toSorted()).toEqual(['one', 'one', 'two', 'two']);
});

test('a call that meets a dead replica is answered by another', async () => {
  await using alive = await startEngine();
  await using server = await startTestServer({ routes: routesTo([await deadUrl(), alive.url]) });
  for (let call = 0; call < 4; call++) expect((await complete(server)).status).toBe(200);
  expect(alive.seen).toHaveLength(4);
});

test('a replica that takes a call and dies before it answers is replaced by another', async () => {
  await using dying = await startEngine((response) => void response.destroy());
  await using alive = await startEngine();
  await using server = await startTestServer({ routes: routesTo([dying.url, alive.url]) });
  const answers = await Promise.all([complete(server), complete(server)]);
  expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
  expect(alive.seen).toHaveLength(2);
});

test('where every replica dies before it answers the caller gets 502, and where none can be reached 503', async () => {
  await using dying = await startEngine((response) => void response.destroy());
  await using server = await startTestServer({ routes: routesTo([dying.url]) });
  const died = await complete(server);
  expect(died.status).toBe(502);
  expect(await died.json()).toMatchObject({ error: { code: 'upstream_failed', type: 'server_error' } });
  await using other = await startTestServer({ routes: routesTo([await deadUrl(), await deadUrl()]) });
  const unreached = await complete(other);
  expect(unreached.status).toBe(503);
  expect(unreached.headers.get('retry-after')).not.toBeNull();
});

test('an answer of known length that breaks off does not look whole', async () => {
  await using engine = await startEngine((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
    response.write('{"half', () => response.destroy());
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await complete(server);
  await expect(answer.text()).rejects.toThrow();
});

test('calls are counted by instance and status, and open ones while they are open', async () => {
  const answering = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using engine = await startEngine(async (response, seen) => {
    answering.resolve();
    await goOn.promise;
    echo(response, seen);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const metrics = async () => (await server.fetch('/metrics')).text();
  const call = complete(server);
  await answering.promise;
  expect(await metrics()).toContain('ecolink_gateway_open_streams 1');
  goOn.resolve();
  await (await call).text();
  expect(await metrics()).toContain('ecolink_gateway_open_streams 0');
  expect(await metrics()).toContain('ecolink_gateway_requests_total{instance="1",status="200"} 1');
});

test('an event stream passes in whole lines, byte for byte', () => {
  const text = 'data: {"a":"é"}\n\n: ping\n\ndata: [DONE]\n\n';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const lines = createWholeLines();
    const out: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) out.push(Buffer.from(lines.take(bytes.subarray(at, at + size))));
    expect(out.every((part) => part.length === 0 || part.at(-1) === 0x0a)).toBe(true);
    expect(Buffer.concat([...out, lines.rest()]).toString()).toBe(text);
  }
});
