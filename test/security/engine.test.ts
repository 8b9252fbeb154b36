import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import OpenAI, { InternalServerError } from 'openai';
import { expect, test } from 'vitest';
import { rewrittenLocation } from '../../src/gateway/redirects.ts';
import { sendJson, startEngine } from '../support/engine.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { refusalIn } from '../gateway/answers.ts';
import { routesBy, routesTo } from '../gateway/routes.ts';

const json = { 'content-type': 'application/json' };
const call = { method: 'POST', headers: json, body: '{"model":"tiny:1"}' };

/** An engine that writes what HTTP's own server would not. */
async function startRaw(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.on('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function get(server: TestServer, path: string) {
  return rawRequest(server.url, { path, headers: { authorization: `Bearer ${server.localToken}` } });
}

test.each([301, 302, 303, 307, 308, 300, 305])(
  'a redirect with status %i never reaches a caller of /v1, and no other replica is asked',
  async (status) => {
    await using engine = await startEngine((response) => {
      response.writeHead(status, { location: '/api/keys/rotate', refresh: '0;url=/api/keys/rotate' }).end('{}');
    });
    await using server = await startTestServer({ routes: routesTo([engine.url, `${engine.url}/two`]) });
    const answer = await server.fetch('/v1/chat/completions', { ...call, redirect: 'manual' });
    expect([answer.status, answer.headers.get('location'), answer.headers.get('refresh')]).toEqual([502, null, null]);
    expect(refusalIn(await answer.text())).toMatchObject({ code: 'upstream_redirected', type: 'server_error' });
    expect(engine.seen).toHaveLength(1);
  },
);

test('the official SDK cannot be sent to /api with its token by an engine', async () => {
  await using engine = await startEngine((response) => {
    response.writeHead(307, { location: '/api/keys/rotate' }).end();
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.localToken, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'Hello.' }];
  const failed = client.chat.completions.create({ model: 'tiny:1', messages });
  await expect(failed).rejects.toThrow(InternalServerError);
  const caller = (await server.core.access.callerOfToken(server.localToken, 'http')) ?? expect.fail('It is valid.');
  expect((await server.core.execute('list_audit', { operation: 'rotate_key' }, caller))['items']).toEqual([]);
});

test('a redirect does not cost the caller the replica for the next call', async () => {
  let redirects = true;
  await using engine = await startEngine((response, seen) => {
    if (redirects) response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    else sendJson(response, seen);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  expect((await server.fetch('/v1/completions', call)).status).toBe(502);
  redirects = false;
  expect((await server.fetch('/v1/completions', call)).status).toBe(200);
});

test('a location stays below the proxy path of its instance, or is dropped', () => {
  const at = (location: string, base = 'http://10.0.0.1:8000', from = '/docs/index'): string | undefined =>
    rewrittenLocation(location, { base, from, path: '/instances/7/proxy' });
  expect(at('/login?next=%2Fx#top')).toBe('/instances/7/proxy/login?next=%2Fx#top');
  expect(at('page')).toBe('/instances/7/proxy/docs/page');
  expect(at('http://10.0.0.1:8000/a')).toBe('/instances/7/proxy/a');
  expect(at('/../../../api/keys/rotate')).toBe('/instances/7/proxy/api/keys/rotate');
  expect(at('/%2e%2e/%2E%2E/api')).toBe('/instances/7/proxy/api');
  expect(at('\\..\\..\\api')).toBe('/instances/7/proxy/api');
  expect(at('/x', 'http://127.0.0.1:9/secret/pod:80', '/secret/pod:80/a')).toBeUndefined();
  expect(at('b', 'http://127.0.0.1:9/secret/pod:80', '/secret/pod:80/a')).toBe('/instances/7/proxy/b');
  expect(at('x', 'http://10.0.0.1:8000', '//evil.example/a')).toBe('/instances/7/proxy//evil.example/x');
  for (const outside of [
    'http://10.0.0.1:8001/',
    'https://10.0.0.1:8000/',
    '//evil.example/',
    '\\\\evil.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'http://[',
    'http://127.0.0.1:7420/api/keys/rotate',
  ]) {
    expect([outside, at(outside)]).toEqual([outside, undefined]);
  }
});

test('redirects through the proxy keep their status, with a location that callers may follow', async () => {
  const locations = ['/next?a=1', 'http://evil.example/', '/api/keys/rotate'];
  await using engine = await startEngine((response) => {
    response.writeHead(307, { location: locations.shift(), 'content-location': '/api', refresh: '0' }).end();
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answers = [
    await get(server, '/instances/1/proxy/a'),
    await get(server, '/instances/1/proxy/a'),
    await get(server, '/instances/1/proxy/a'),
  ];
  expect(answers.map(({ status, headers }) => [status, headers.location])).toEqual([
    [307, '/instances/1/proxy/next?a=1'],
    [307, undefined],
    [307, '/instances/1/proxy/api/keys/rotate'],
  ]);
  expect(answers[0]?.headers).not.toHaveProperty('content-location');
  expect(answers[0]?.headers).not.toHaveProperty('refresh');
});

const forbidden = {
  'clear-site-data': '"*"',
  'www-authenticate': 'Basic realm="EcoLink"',
  'proxy-authenticate': 'Basic',
  'authentication-info': 'x',
  'set-cookie': ['a=b', 'c=d'],
  'strict-transport-security': 'max-age=1',
  'public-key-pins': 'x',
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'service-worker-allowed': '/',
  'alt-svc': 'h2="evil.example:443"',
  refresh: '0;url=/api',
  link: '</api>; rel=preload',
  location: '/api',
  nel: '{}',
  'report-to': '{}',
  'reporting-endpoints': 'a="https://evil.example"',
  'accept-ch': 'UA',
  'origin-agent-cluster': '?0',
  'permissions-policy': 'x=()',
  'cross-origin-opener-policy': 'unsafe-none',
  'timing-allow-origin': '*',
  sourcemap: '/api',
  'x-accel-redirect': '/etc/passwd',
  'x-sendfile': '/etc/passwd',
  'x-frame-options': 'ALLOWALL',
  'x-ecolink-role': 'admin',
  'x-hop': 'dropped',
  server: 'uvicorn',
};

test.each(['/instances/1/proxy/page', '/v1/completions'])(
  'an answer to %s carries what is about the answer, and nothing about our origin',
  async (path) => {
    await using engine = await startEngine((response) => {
      response.writeHead(200, {
        ...forbidden,
        connection: 'keep-alive, x-hop',
        'content-type': 'text/html',
        'content-security-policy': "default-src *; script-src 'unsafe-inline'",
        'x-content-type-options': 'none',
        'x-request-id': 'of-the-engine',
        etag: '"1"',
        'x-ratelimit-remaining-tokens': '5',
        'openai-processing-ms': '7',
      });
      response.end('<script>fetch("/api/keys/rotate", {method: "POST"})</script>');
    });
    await using server = await startTestServer({ routes: routesTo([engine.url]) });
    const headers = { authorization: `Bearer ${server.localToken}`, ...json, 'x-request-id': 'of-the-caller' };
    const answer = await rawRequest(server.url, { path, method: 'POST', headers, body: call.body });
    expect(answer.status).toBe(200);
    for (const name of Object.keys(forbidden)) expect(answer.headers).not.toHaveProperty(name);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-request-id': 'of-the-caller',
      etag: '"1"',
      'x-ratelimit-remaining-tokens': '5',
      'openai-processing-ms': '7',
    });
  },
);

test("an engine's own 401 is no challenge of EcoLink's", async () => {
  await using engine = await startEngine((response) => {
    response.writeHead(401, { 'www-authenticate': 'Negotiate', 'clear-site-data': '"cookies"' }).end('{}');
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await server.fetch('/v1/completions', call);
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, null]);
});

test('informational answers, trailers and bytes that no header may have do not reach a caller', async () => {
  await using engine = await startRaw((socket) =>
    socket.write(
      'HTTP/1.1 103 Early Hints\r\nlink: </api>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n' +
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: set-cookie\r\nx-name: 漢\r\nx-good: yes\r\n\r\n' +
        '2\r\n{}\r\n0\r\nset-cookie: a=b\r\nx-late: 1\r\n\r\n',
    ),
  );
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await get(server, '/instances/1/proxy/x');
  expect([answer.status, answer.body]).toEqual([200, '{}']);
  expect(answer.headers).toMatchObject({ 'x-good': 'yes' });
  expect(answer.headers).not.toHaveProperty('trailer');
  expect(answer.headers).not.toHaveProperty('link');
});

test.each([
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  ],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'],
  ['headers without an end', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}`],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
])('an engine that answers with %s fails its call and nothing else', async (_name, bytes) => {
  await using engine = await startRaw((socket) => socket.write(bytes));
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await server.fetch('/v1/completions', call);
  expect(answer.status).toBe(502);
  expect((await server.fetch('/healthz')).status).toBe(200);
});

test('a TEI answer without an end is given up, and its connection is closed', async () => {
  await using engine = await startRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
    const block = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const more = (): void => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', more);
    more();
  });
  await using server = await startTestServer({ routes: routesBy({ api_path: '/v1', rerank: 'tei' }, [engine.url]) });
  const body = JSON.stringify({ model: 'tiny:1', query: 'q', documents: ['d'] });
  const answer = await server.fetch('/v1/rerank', { ...call, body });
  expect([answer.status, refusalIn(await answer.text()).code]).toEqual([502, 'upstream_too_large']);
  await expect.poll(() => [...engine.sockets].every(({ destroyed }) => destroyed)).toBe(true);
});

test('a TEI that redirects is refused as every engine is', async () => {
  await using engine = await startEngine((response) => void response.writeHead(308, { location: '/info' }).end());
  await using server = await startTestServer({ routes: routesBy({ api_path: '/v1', rerank: 'tei' }, [engine.url]) });
  const body = JSON.stringify({ model: 'tiny:1', query: 'q', documents: ['d'] });
  const answer = await server.fetch('/v1/rerank', { ...call, body });
  expect([answer.status, refusalIn(await answer.text()).code]).toEqual([502, 'upstream_redirected']);
});

test('a rerank call that would take long to parse for TEI is refused', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesBy({ api_path: '/v1', rerank: 'tei' }, [engine.url]) });
  const body = `{"model":"tiny:1","query":"q","documents":[${'{},'.repeat(1_000_000)}{}]}`;
  const answer = await server.fetch('/v1/rerank', { ...call, body });
  expect([answer.status, refusalIn(await answer.text()).code]).toEqual([413, 'body_too_large']);
});
