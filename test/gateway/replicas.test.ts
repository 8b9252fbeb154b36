import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createInFlight } from '../../src/core/routing/in-flight.ts';
import { createReplicas } from '../../src/gateway/replicas.ts';
import { createWholeLines } from '../../src/gateway/whole-lines.ts';
import { defined } from '../support/defined.ts';
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

const at = (url: string) => ({ url, region: 'local', servedName: 'tiny:1', instance: 1 });

test('the replica with the fewest open calls is picked, in turn among equals', () => {
  const inFlight = createInFlight();
  const replicas = createReplicas(inFlight, () => 0);
  const begin = (url: string) => inFlight.begin(at(url), () => {});
  const all = ['a', 'b', 'c'].map(at);
  const pick = () => replicas.pick(all)?.url;
  expect(new Set([pick(), pick(), pick()])).toEqual(new Set(['a', 'b', 'c']));
  const end = begin('a');
  begin('b');
  expect([pick(), pick()]).toEqual(['c', 'c']);
  begin('c');
  end();
  expect([pick(), pick()]).toEqual(['a', 'a']);
});

test('a replica that could not be reached comes last for a while', () => {
  let now = 0;
  const inFlight = createInFlight();
  const replicas = createReplicas(inFlight, () => now);
  const [a, b] = [at('a'), at('b')];
  inFlight.begin(b, () => {});
  replicas.doubt(a);
  expect(replicas.pick([a, b])).toBe(b);
  expect(replicas.pick([a])).toBe(a);
  expect(replicas.pick([a], a)).toBeUndefined();
  now = 60_000;
  expect(replicas.pick([a, b])).toBe(a);
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

test('a kept connection that the replica has closed costs no call, and what may not run twice never gets one', async () => {
  const used = new Set<Socket>();
  await using engine = await startEngine((response, _seen, request) => {
    // As if it had been closed just before.
    if (used.has(request.socket)) return void request.socket.resetAndDestroy();
    used.add(request.socket);
    sendJson(response, {});
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const statuses = [];
  for (let call = 0; call < 4; call++) statuses.push((await complete(server)).status);
  const post = () => server.fetch('/instances/1/proxy/jobs', { method: 'POST', body: 'one' });
  for (let call = 0; call < 2; call++) statuses.push((await post()).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  expect(engine.seen.filter(({ url }) => url === '/jobs')).toHaveLength(2);
});

test('where every replica dies before it answers the caller gets 502, and where none can be reached 503', async () => {
  await using dying = await startEngine((response) => void response.destroy());
  await using server = await startTestServer({ routes: routesTo([dying.url]) });
  const died = await complete(server);
  expect(died.status).toBe(502);
  expect(await died.json()).toMatchObject({
    error: {
      code: 'upstream_failed',
      type: 'server_error',
      message: expect.stringContaining('read the log: get_instance_logs (instance: 1).'),
    },
  });
  await using other = await startTestServer({ routes: routesTo([await deadUrl(), await deadUrl()]) });
  const unreached = await complete(other);
  expect(unreached.status).toBe(503);
  expect(unreached.headers.get('retry-after')).not.toBeNull();
});

/** Two replicas, of which whoever is asked first holds its answer back, once it said whatever `begin` says. */
async function startHolding(begin: (response: ServerResponse) => void = () => {}) {
  await using undo = new AsyncDisposableStack();
  const asked = Promise.withResolvers<string>();
  let holds: string | undefined;
  const answer = (name: string) => (response: ServerResponse) => {
    if (holds !== undefined) return sendJson(response, { name });
    holds = name;
    begin(response);
    asked.resolve(defined(engines[name === 'one' ? 0 : 1]).url);
  };
  const engines = [undo.use(await startEngine(answer('one'))), undo.use(await startEngine(answer('two')))];
  const urls = engines.map(({ url }) => url);
  const server = undo.use(await startTestServer({ routes: routesTo(urls) }));
  const parts = undo.move();
  return {
    server,
    /** The replica that has the call. */
    asked: asked.promise,
    /** What the region sees of the replicas: all of them, but for what is said of some. */
    see: (said: Record<string, 'silent' | 'gone'>) =>
      server.core.inFlight.see(
        1,
        'local',
        urls
          .filter((url) => said[url] !== 'gone')
          .map((url) => ({
            id: url,
            address: url,
            state: 'stopping',
            restarts: 0,
            ...(said[url] === 'silent' ? { silent: true } : {}),
          })),
      ),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

for (const how of ['silent', 'gone'] as const) {
  test(`a call that waits for a replica that is ${how} is answered by another`, async () => {
    await using place = await startHolding();
    const call = complete(place.server);
    const holder = await place.asked;
    // A replica that is merely on its way out keeps its calls.
    place.see({});
    expect(place.server.core.inFlight.count(holder)).toBe(1);
    place.see({ [holder]: how });
    expect((await call).status).toBe(200);
    expect(place.server.core.inFlight.count(holder)).toBe(0);
  });
}

test('a stream outlives the silence of its node, and ends with an error where its replica is gone', async () => {
  await using place = await startHolding((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"one":1}\n\n');
  });
  const answer = await complete(place.server);
  const holder = await place.asked;
  place.see({ [holder]: 'silent' });
  expect(place.server.core.inFlight.count(holder)).toBe(1);
  place.see({ [holder]: 'gone' });
  const text = await answer.text();
  expect(text).toMatch(/^data: \{"one":1\}\n\n\ndata: \{"error":/);
  expect(text).not.toContain('[DONE]');
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
