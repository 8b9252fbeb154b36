import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { routesServing, routesTo } from '../gateway/routes.ts';
import { sendJson, startEngine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const json = { 'content-type': 'application/json' };
const mib = 1024 ** 2;
const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

interface Upload {
  sent: ClientRequest;
  answer: Promise<IncomingMessage>;
}

/** A request whose body the test writes piece by piece. */
function upload(server: TestServer, path: string, token = server.localToken): Upload {
  const { port } = new URL(server.url);
  const headers = { ...json, authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' };
  const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false });
  sent.on('error', () => {});
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  answer.catch(() => {});
  return { sent, answer };
}

function post(server: TestServer, path: string, body: string | Buffer): Promise<Response> {
  return server.fetch(path, { method: 'POST', headers: json, body });
}

async function refusalOf(answer: Response): Promise<[number, string]> {
  return [answer.status, refusal.parse(await answer.json()).error.code];
}

test('60 MB of {},{},… reach the engine as they are, and others are answered meanwhile', async () => {
  await using engine = await startEngine((response, { body }) =>
    sendJson(response, { length: body.length, digest: createHash('sha256').update(body).digest('hex') }),
  );
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const body = Buffer.from(`{"a":[${'{},'.repeat(20e6)}{}],"\\u006dodel":"tiny:1"}`);
  const parsed = vi.spyOn(JSON, 'parse');
  onTestFinished(() => parsed.mockRestore());
  const progress = { ended: false };
  const big = post(server, '/v1/chat/completions', body).finally(() => (progress.ended = true));
  let meanwhile = 0;
  while (!progress.ended) {
    expect((await server.fetch('/healthz')).status).toBe(200);
    if (!progress.ended) meanwhile++;
  }
  expect(await (await big).json()).toEqual({
    length: body.length,
    digest: createHash('sha256').update(body).digest('hex'),
  });
  // Parsing it would be one pause of many seconds.
  expect(Math.max(...parsed.mock.calls.map(([json]) => json.length))).toBeLessThan(10_000);
  expect(meanwhile).toBeGreaterThan(10);
}, 60_000);

test('a name that differs is put in place of the model, and every other byte stays', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesServing('se"rved ä', [engine.url]) });
  const filler = 'ä漢😀'.repeat(50_000);
  const [before, after] = [
    `{ "n": 12345678901234567890.50, "f":"${filler}",\n "model" :\t`,
    ` ,"model2":{"model":"x"}, "f2":"${filler}"}`,
  ];
  const answer = await post(server, '/v1/chat/completions', `${before}"tiny\\u003a1"${after}`);
  expect(answer.status).toBe(200);
  expect(engine.seen[0]?.body).toBe(`${before}"se\\"rved ä"${after}`);
});

test.each([
  ['two models', '{"model":"tiny:1","model":"tiny:2"}', 'model_named_twice'],
  ['two models, one in escapes', '{"model":"tiny:1","messages":[],"\\u006Dodel":"tiny:2"}', 'model_named_twice'],
  ['a model that is nested only', '{"messages":[{"model":"tiny:1"}],"x":{"model":"tiny:1"}}', 'model_missing'],
  ['a model that is no text', '{"model":["tiny:1"]}', 'model_missing'],
  ['an endless model', `{"model":"${'x'.repeat(100_000)}"}`, 'model_missing'],
  ['a byte order mark', '\ufeff{"model":"tiny:1"}', 'bad_json'],
  ['what stands behind the object', '{"model":"tiny:1"}{"model":"tiny:2"}', 'bad_json'],
  ['a comment', '{"model":"tiny:1"/* */}', 'bad_json'],
  ['a NaN', '{"model":"tiny:1","x":NaN}', 'bad_json'],
  ['deep nesting', `{"model":"tiny:1","x":${'['.repeat(1e6)}`, 'json_too_deep'],
])('a call with %s is refused by name', async (_name, body, code) => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesTo([engine.url], [engine.url]) });
  expect(await refusalOf(await post(server, '/v1/chat/completions', body))).toEqual([400, code]);
  expect(engine.seen).toEqual([]);
});

test('invalid UTF-8 is refused, and a lone surrogate in escapes is a model like any other', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const invalid = Buffer.concat([Buffer.from('{"model":"tiny:1","x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
  expect(await refusalOf(await post(server, '/v1/completions', invalid))).toEqual([400, 'bad_json']);
  expect((await post(server, '/v1/completions', '{"model":"\\ud800"}')).status).toBe(404);
});

test('bodies that are held are limited for each token and in all, and free again after their calls', async () => {
  const release = Promise.withResolvers<void>();
  await using engine = await startEngine(async (response) => {
    await release.promise;
    sendJson(response, {});
  });
  const config = 'http: { bodies_per_token_mib: 2, bodies_mib: 3 }';
  await using server = await startTestServer({ routes: routesTo([engine.url]), config });
  const other = { authorization: `Bearer ${await server.token('call')}` };
  const call = (size: number, headers = {}): Promise<Response> => {
    const body = `{"model":"tiny:1","x":"${'x'.repeat(size * mib)}"}`;
    return server.fetch('/v1/chat/completions', { method: 'POST', headers: { ...json, ...headers }, body });
  };
  const first = call(1.5);
  // The engine has the whole body, and so the server holds it.
  await expect.poll(() => engine.seen.length).toBe(1);
  const refused = await call(1);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
  expect(await refused.json()).toMatchObject({ error: { code: 'too_many_bytes', type: 'rate_limit_error' } });
  expect(await refusalOf(await call(1.8, other))).toEqual([503, 'server_full']);
  const small = call(0.1, other);
  await expect.poll(() => engine.seen.length).toBe(2);
  release.resolve();
  expect([(await first).status, (await small).status]).toEqual([200, 200]);
  for (let count = 0; count < 4; count++) expect((await call(1.5)).status).toBe(200);
});

test('a body that arrives byte by byte costs no more than its bytes', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({
    routes: routesTo([engine.url]),
    config: 'http: { bodies_mib: 0.02, bodies_per_token_mib: 0.02 }',
  });
  const { sent, answer } = upload(server, '/v1/completions');
  for (const character of '{"model":"tiny:1","x":"') sent.write(character);
  for (let count = 0; count < 9000; count++) sent.write('x');
  sent.end('"}');
  expect((await answer).statusCode).toBe(200);
});

test('a smaller limit for bodies can be configured', async () => {
  await using server = await startTestServer({ routes: routesTo([]), config: 'http: { body_mib: 1 }' });
  expect(await refusalOf(await post(server, '/v1/completions', Buffer.alloc(mib + 1, ' ')))).toEqual([
    413,
    'body_too_large',
  ]);
});

test.each(['/api/operations/list_models', '/mcp'])('%s bounds size and nesting before it parses', async (path) => {
  await using server = await startTestServer();
  const headers = { ...json, accept: 'application/json, text/event-stream' };
  const send = (body: string) => server.fetch(path, { method: 'POST', headers, body });
  expect((await send(`{"a":"${'x'.repeat(mib)}"}`)).status).toBe(413);
  const deep = await send(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`);
  expect([deep.status, await deep.text()]).toEqual([400, expect.stringContaining('nested deeper than 128')]);
  const broken = await send('{"a":');
  expect(broken.status).toBe(400);
  const { sent, answer } = upload(server, path);
  sent.write(`{"a":"${'x'.repeat(2 * mib)}`);
  expect((await answer).statusCode).toBe(413);
});

test.each(['/api/operations/list_models', '/mcp'])(
  'the bodies of %s count as held until they are answered',
  async (path) => {
    await using server = await startTestServer({ config: 'http: { bodies_per_token_mib: 0.5, bodies_mib: 1 }' });
    const statusOf = async (size: number): Promise<number> =>
      (await post(server, path, `{"a":"${'x'.repeat(size * mib)}"}`)).status;
    expect(await statusOf(0.6)).toBe(429);
    for (let count = 0; count < 4; count++) expect(await statusOf(0.3)).toBeLessThan(410);
  },
);

test('/mcp says in the form of its protocol that a body cannot be read', async () => {
  await using server = await startTestServer();
  const answer = await post(server, '/mcp', '{"jsonrpc": "2.0", "id": 1,');
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { jsonrpc: '2.0', id: null, error: { code: -32_700 } },
  ]);
});
