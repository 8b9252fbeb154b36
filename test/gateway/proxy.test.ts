import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { deadUrl, sendJson, startEngine } from '../support/engine.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestServer } from '../support/server.ts';
import { seenIn } from './answers.ts';
import { routesTo } from './routes.ts';

const json = { 'content-type': 'application/json' };

test('method, path, query and body pass through the proxy, whatever they are', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await server.fetch('/instances/1/proxy/rerank/v2?top=3&q=%C3%A4', {
    method: 'PUT',
    headers: { 'content-type': 'text/csv', 'x-custom': 'kept' },
    body: 'a;b',
  });
  expect(await answer.json()).toMatchObject({
    method: 'PUT',
    url: '/rerank/v2?top=3&q=%C3%A4',
    body: 'a;b',
    headers: { 'content-type': 'text/csv', 'x-custom': 'kept', host: new URL(engine.url).host },
  });
  expect(await (await server.fetch('/instances/1/proxy')).json()).toMatchObject({ method: 'GET', url: '/', body: '' });
});

test("nothing that identifies the caller reaches a replica, and no replica sets cookies on EcoLink's origin", async () => {
  await using engine = await startEngine((response, seen) => {
    response.setHeader('set-cookie', 'a=b');
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('x-engine', 'kept');
    sendJson(response, seen);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const headers = {
    authorization: `Bearer ${server.localToken}`,
    cookie: 'session=secret',
    'proxy-authorization': 'Basic secret',
    'x-api-key': 'secret',
    'x-forwarded-for': '10.0.0.1',
    forwarded: 'for=10.0.0.1',
    connection: 'keep-alive, x-hop',
    'x-hop': 'secret',
    ...json,
  };
  const calls = [
    await rawRequest(server.url, { path: '/instances/1/proxy/any', headers }),
    await rawRequest(server.url, {
      path: '/v1/embeddings',
      method: 'POST',
      headers,
      body: '{"model":"tiny:1","input":"x"}',
    }),
  ];
  for (const call of calls) {
    expect(call.status).toBe(200);
    expect(call.headers).toMatchObject({ 'x-engine': 'kept' });
    expect(Object.keys(call.headers)).not.toEqual(expect.arrayContaining(['set-cookie']));
    expect(call.headers['access-control-allow-origin']).toBeUndefined();
    const seen = seenIn(call.body);
    expect(JSON.stringify(seen)).not.toMatch(/secret|eco_local|10\.0\.0\.1/);
    for (const name of ['authorization', 'cookie', 'x-forwarded-for', 'forwarded', 'x-hop']) {
      expect(seen.headers).not.toHaveProperty(name);
    }
  }
});

test('a path cannot climb out of the replica it was sent to', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({
    routes: routesTo([engine.url], [`${engine.url}/inner/`]),
  });
  const headers = { authorization: `Bearer ${server.localToken}` };
  const reach = async (path: string) => rawRequest(server.url, { path, headers });
  const arrived = async (path: string) => seenIn((await reach(path)).body).url;
  expect(await arrived('/instances/1/proxy/a/../../../b')).toBe('/b');
  expect(await arrived('/instances/1/proxy//other.example/x')).toBe('//other.example/x');
  expect(await arrived('/instances/2/proxy/../../b/%2e%2e/c?d=..')).toBe('/inner/c?d=..');
  for (const hidden of ['/a%2f..%2f..%2fb', '/..%5cb', '/%zz']) {
    expect((await reach(`/instances/2/proxy${hidden}`)).status).toBe(400);
  }
});

test('unknown, stopped and malformed instances are 404, and a token without the scope is 403', async () => {
  await using server = await startTestServer({ routes: routesTo(undefined) });
  for (const path of [
    '/instances/1/proxy/x',
    '/instances/2/proxy/x',
    '/instances/x/proxy/x',
    '/instances/1/other',
    '/v1/unknown',
  ]) {
    expect((await server.fetch(path)).status).toBe(404);
  }
  const headers = { authorization: `Bearer ${await server.token('read')}` };
  expect((await server.fetch('/instances/1/proxy/x', { headers })).status).toBe(403);
});

test('a large upload streams through whole, with and without a known length', async () => {
  await using engine = await startEngine((response, { headers, body }) =>
    sendJson(response, { length: body.length, declared: headers['content-length'] ?? null }),
  );
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const bytes = Buffer.from(randomBytes(4 << 20).toString('hex'));
  const known = await server.fetch('/instances/1/proxy/up', { method: 'POST', body: bytes });
  expect(await known.json()).toEqual({ length: bytes.length, declared: String(bytes.length) });
  const stream = Readable.toWeb(Readable.from([bytes.subarray(0, 1 << 20), bytes.subarray(1 << 20)]));
  const unknown = await server.fetch('/instances/1/proxy/up', {
    method: 'POST',
    body: stream,
    duplex: 'half',
  });
  expect(await unknown.json()).toEqual({ length: bytes.length, declared: null });
});

test('an upload whose first replica is dead goes to the other, whole', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesTo([await deadUrl(), engine.url]) });
  for (let call = 0; call < 2; call++) {
    const answer = await server.fetch('/instances/1/proxy/up', { method: 'POST', body: 'x'.repeat(500_000) });
    expect(seenIn(await answer.text()).body).toHaveLength(500_000);
  }
});

test('a call that changes something is not sent a second time to another replica', async () => {
  await using one = await startEngine((response) => void response.destroy());
  await using two = await startEngine((response) => void response.destroy());
  await using server = await startTestServer({ routes: routesTo([one.url, two.url]) });
  for (const [sent, body] of ['x', ''].entries()) {
    const answer = await server.fetch('/instances/1/proxy/videos', { method: 'POST', body });
    expect(answer.status).toBe(502);
    expect(one.seen.length + two.seen.length).toBe(sent + 1);
  }
});

test('a reader that stops reading stops the engine, instead of filling this process', async () => {
  const total = 256 << 20;
  const block = Buffer.alloc(1 << 20, 'x');
  let written = 0;
  function* blocks(): Generator<Buffer> {
    for (; written < total; written += block.length) yield block;
  }
  await using engine = await startEngine((response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': total });
    return pipeline(blocks, response);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.pause();
  socket.write(
    `GET /instances/1/proxy/big HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${server.localToken}\r\nconnection: close\r\n\r\n`,
  );
  let before = -1;
  await expect
    .poll(
      () => {
        const still = written > 0 && written === before;
        before = written;
        return still;
      },
      { interval: 300, timeout: 20_000 },
    )
    .toBe(true);
  expect(written).toBeLessThan(total / 4);
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.resume();
  await once(socket, 'close');
  expect(received).toBeGreaterThan(total);
});
