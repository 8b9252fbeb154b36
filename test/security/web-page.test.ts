import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createFailureLimit } from '../../src/http/failure-limit.ts';
import { fail } from '../../src/core/base/errors.ts';
import { createClientAddresses } from '../../src/http/client-address.ts';
import { routesTo } from '../gateway/routes.ts';
import { startEngine } from '../support/engine.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const quick = { headers: 50, body: 50, progress: 50, linger: 50 };

function open(server: TestServer): Socket {
  return connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
}

/** All that the server says until it closes the connection. */
async function lastWords(server: TestServer, sent: string): Promise<string> {
  const socket = open(server);
  socket.write(sent);
  return untilClosed(socket);
}

/** A connection that is broken off while the client still sends ends with an error, after the answer. */
async function untilClosed(socket: Socket): Promise<string> {
  let said = '';
  socket.on('data', (chunk) => (said += String(chunk)));
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  return said;
}

function head(server: TestServer, line: string, more = ''): string {
  return `${line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${server.localToken}\r\n${more}`;
}

const chunked = 'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';

test('a connection that sends no whole request is closed', async () => {
  await using server = await startTestServer({ timeouts: quick });
  for (const sent of ['', 'GET /healthz HT', head(server, 'POST /v1/completions', 'x-a: b\r\n')]) {
    expect(await lastWords(server, sent)).toMatch(/^HTTP\/1.1 408 .*request_too_slow/s);
  }
});

test.each(['/api/operations/list_models', '/mcp', '/v1/completions', '/instances/1/proxy/up'])(
  'a body for %s that stops arriving ends its request',
  async (path) => {
    await using engine = await startEngine();
    await using server = await startTestServer({ timeouts: quick, routes: routesTo([engine.url]) });
    expect(await lastWords(server, head(server, `POST ${path}`, `${chunked}5\r\n{"mod`))).toMatch(/^HTTP\/1.1 408 /);
    expect(
      await lastWords(
        server,
        head(server, `POST ${path}`, 'content-type: application/json\r\ncontent-length: 9\r\n\r\n{'),
      ),
    ).toMatch(/^HTTP\/1.1 408 /);
    expect((await server.fetch('/healthz')).status).toBe(200);
  },
);

test.each(['POST /tokens/some', 'POST /credentials/some', 'GET /api/events'])(
  'a body for %s that drips has a limit for the whole of it',
  async (line) => {
    await using server = await startTestServer({ timeouts: { ...quick, progress: 60_000 } });
    const form = 'content-type: application/x-www-form-urlencoded\r\ncontent-length: 4000\r\n\r\nvalue=';
    const socket = open(server);
    socket.write(head(server, line, form));
    const drip = setInterval(() => socket.write('x'), 10);
    onTestFinished(() => clearInterval(drip));
    // An event stream has begun its answer already: its connection breaks off.
    expect(await untilClosed(socket)).toMatch(line.startsWith('GET') ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 408 /);
  },
);

test('a request that is refused before its body ends does not keep its connection', async () => {
  await using server = await startTestServer({ timeouts: quick });
  for (const path of ['/v1/completions', '/api/operations/list_models', '/v1/nothing']) {
    const refused = `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${chunked}1\r\n{\r\n`;
    expect(await lastWords(server, refused)).toMatch(/^HTTP\/1.1 40[14] /);
  }
});

test('an upload to an engine may take longer than all other limits, as long as it goes on', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ timeouts: quick, routes: routesTo([engine.url]) });
  const socket = open(server);
  const begun = performance.now();
  socket.write(head(server, 'POST /instances/1/proxy/up', `connection: close\r\n${chunked}`));
  const piece = `800\r\n${'x'.repeat(0x800)}\r\n`;
  let pieces = 0;
  const timer = setInterval(() => {
    if (performance.now() - begun < 400) return void socket.write(piece, () => pieces++);
    clearInterval(timer);
    socket.write('0\r\n\r\n');
  }, 5);
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1.1 200 /);
  expect(engine.seen[0]?.body).toHaveLength(pieces * 0x800);
});

test('headers are limited in size, and garbage is answered and closed', async () => {
  await using server = await startTestServer();
  expect(await lastWords(server, head(server, 'GET /healthz', `x-a: ${'b'.repeat(20_000)}\r\n\r\n`))).toMatch(
    /^HTTP\/1.1 431 /,
  );
  expect(await lastWords(server, '\u0016\u0003\u0001 hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*bad_request/s);
});

test('one address cannot take all connections, and the newest are closed', async () => {
  await using server = await startTestServer({ config: 'http: { connections_per_address: 5 }' });
  const sockets = Array.from({ length: 8 }, () => open(server));
  const closed = sockets.map((socket) => once(socket, 'close'));
  await Promise.all(closed.slice(5));
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false, false, false, true, true, true]);
  sockets[0]?.destroy();
  await expect
    .poll(() =>
      rawRequest(server.url, { path: '/healthz' }).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
  for (const socket of sockets) socket.destroy();
});

test('connections in all are limited too, for trusted proxies as for others', async () => {
  const config = 'http: { connections: 10, connections_per_address: 2, trusted_proxies: [127.0.0.1] }';
  await using server = await startTestServer({ config });
  const sockets = Array.from({ length: 14 }, () => open(server));
  await Promise.all(sockets.slice(10).map((socket) => once(socket, 'close')));
  expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(4);
  for (const socket of sockets) socket.destroy();
});

const limited = 'http: { failures_per_minute: 5 }';

async function guess(server: TestServer, path = '/api/tokens', headers: Record<string, string> = {}) {
  return rawRequest(server.url, { path, headers: { authorization: 'Bearer eco_guess', ...headers } });
}

test('an address that fails often gets 429, and valid tokens from the same address still pass', async () => {
  await using server = await startTestServer({ config: limited, routes: routesTo([]) });
  const statuses: number[] = [];
  for (let count = 0; count < 8; count++) statuses.push((await guess(server)).status);
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  const refused = await guess(server, '/v1/models');
  expect([refused.status, JSON.parse(refused.body)]).toMatchObject([
    429,
    { error: { code: 'too_many_failures', type: 'rate_limit_error' } },
  ]);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  for (const path of ['/v1/models', '/api/tokens', '/metrics']) expect((await server.fetch(path)).status).toBe(200);
  const fresh = await server.token('call');
  expect((await server.fetch('/v1/models', { headers: { authorization: `Bearer ${fresh}` } })).status).toBe(200);
});

test.each([
  ['no token', { authorization: '' }],
  ['a foreign host', { host: 'evil.example' }],
  ['a foreign origin', { origin: 'https://evil.example' }],
])('requests with %s count as failures', async (_name, headers) => {
  await using server = await startTestServer({ config: limited });
  const statuses: number[] = [];
  for (let count = 0; count < 6; count++) statuses.push((await guess(server, '/api/tokens', headers)).status);
  expect(statuses.slice(0, 5).every((status) => status === 401 || status === 403)).toBe(true);
  expect(statuses[5]).toBe(429);
});

test('one-time links cannot be guessed at any speed', async () => {
  await using server = await startTestServer({ config: limited });
  const statuses: number[] = [];
  for (let count = 0; count < 7; count++) {
    const page = count % 2 === 0 ? '/tokens' : '/credentials';
    statuses.push((await rawRequest(server.url, { path: `${page}/link_${count}` })).status);
  }
  expect(statuses).toEqual([404, 404, 404, 404, 404, 429, 429]);
});

test('behind a trusted proxy every client has failures of its own, and others cannot forge an address', async () => {
  const config = 'http: { failures_per_minute: 5, trusted_proxies: [127.0.0.1] }';
  await using proxied = await startTestServer({ config });
  const from = (server: TestServer, address: string) => guess(server, '/api/tokens', { 'x-forwarded-for': address });
  for (let count = 0; count < 6; count++) await from(proxied, '1.2.3.4, 203.0.113.9');
  expect((await from(proxied, '203.0.113.9')).status).toBe(429);
  expect((await from(proxied, '198.51.100.1')).status).toBe(401);
  await using direct = await startTestServer({ config: limited });
  for (let count = 0; count < 6; count++) await from(direct, `203.0.113.${count}`);
  expect((await from(direct, '203.0.113.77')).status).toBe(429);
});

test('the address of a client is the first one from the right that is no trusted proxy', () => {
  const addresses = createClientAddresses(['10.0.0.0/8', 'fd00::/8', '192.0.2.1']);
  const of = (remoteAddress: string, forwarded?: string): string => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    // Only these two fields are read.
    return addresses.of({ socket: { remoteAddress }, headers } as never);
  };
  expect(of('203.0.113.9', '1.1.1.1')).toBe('203.0.113.9');
  expect(of('10.1.2.3', '1.1.1.1, 203.0.113.9, 10.9.9.9')).toBe('203.0.113.9');
  expect(of('::ffff:10.1.2.3', '203.0.113.9:4711')).toBe('203.0.113.9');
  expect(of('fd00::1', '[2001:db8:0:1::5]:443')).toBe('2001:db8:0:1::/64');
  expect(of('10.1.2.3', '10.0.0.5')).toBe('10.0.0.5');
  expect(of('10.1.2.3', '1.1.1.1, unknown')).toBe('10.1.2.3');
  expect(of('192.0.2.1', '')).toBe('192.0.2.1');
  for (const address of ['2001:db8::1', '2001:db8:0:0:ffff::', '2001:DB8:0:0:1:2:3:4', '2001:db8::%eth0']) {
    expect([address, of(address)]).toEqual([address, '2001:db8:0:0::/64']);
  }
  expect(of('::1')).toBe('0:0:0:0::/64');
  expect(addresses.ofConnection('10.1.2.3')).toBeUndefined();
  expect(addresses.ofConnection('::ffff:203.0.113.9')).toBe('203.0.113.9');
});

test('failures are forgiven with time, and the table of addresses has a bound', () => {
  let now = 0;
  const limit = createFailureLimit({ perMinute: 6, now: () => now, mostAddresses: 3 });
  const error = fail('invalid_token', 'No.', { nextStep: 'Stop.' });
  const fails = (address: string): unknown => limit.count(address, error);
  for (let count = 0; count < 6; count++) expect(fails('a')).toBe(error);
  expect(fails('a')).toMatchObject({ code: 'too_many_failures', retryAfterSeconds: 10 });
  expect(() => limit.check('a')).toThrow(/Too many/);
  now += 10_000;
  expect(() => limit.check('a')).not.toThrow();
  expect(fails('a')).toBe(error);
  expect(fails('a')).toMatchObject({ code: 'too_many_failures' });
  for (const address of ['b', 'c', 'd']) fails(address);
  // `a` was forgotten: it failed longest ago.
  expect(fails('a')).toBe(error);
  const own = fail('store_unavailable', 'The store does not answer.', { nextStep: 'Wait.' });
  for (let count = 0; count < 20; count++) expect(limit.count('e', own)).toBe(own);
});

test('a web page on another site cannot load anything, and a person can follow a link to a page', async () => {
  await using server = await startTestServer();
  const status = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await rawRequest(server.url, { path, headers: { authorization: `Bearer ${server.localToken}`, ...headers } }))
      .status;
  for (const site of ['cross-site', 'same-site']) {
    expect(
      await status('/api/tokens', { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
    ).toBe(403);
    expect(
      await status('/v1/models', { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }),
    ).toBe(403);
    expect(
      await status('/tokens/x', { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }),
    ).toBe(403);
    expect(
      await status('/tokens/x', { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }),
    ).toBe(404);
  }
  for (const site of ['same-origin', 'none']) expect(await status('/api/tokens', { 'sec-fetch-site': site })).toBe(200);
});

/** Every call of /api that changes something. */
const changing = [
  ['POST', '/api/operations/delete_model'],
  ['POST', '/api/operations/launch_instance'],
  ['POST', '/api/tokens'],
  ['DELETE', '/api/tokens/some'],
  ['POST', '/api/credentials'],
  ['POST', '/api/credential-links'],
  ['POST', '/api/keys/rotate'],
] as const;

test.each(changing)('%s %s needs a JSON object, which no form, link or redirect sends', async (method, path) => {
  await using server = await startTestServer();
  const status = async (type: string | undefined, body: string | undefined): Promise<number> => {
    const headers: Record<string, string> = { authorization: `Bearer ${server.localToken}` };
    if (type !== undefined) headers['content-type'] = type;
    return (
      await rawRequest(server.url, body === undefined ? { path, method, headers } : { path, method, headers, body })
    ).status;
  };
  expect(await status(undefined, undefined)).toBe(415);
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
  ]) {
    expect([type, await status(type, '{"confirm":"rotate"}')]).toEqual([type, 415]);
  }
  for (const body of ['[]', 'null', '"x"', '7'])
    expect([body, await status('application/json', body)]).toEqual([body, 400]);
});

test.each(changing)('the body of a call of a model does nothing at %s %s', async (method, path) => {
  await using server = await startTestServer();
  for (const body of [
    { model: 'tiny:1', messages: [{ role: 'user', content: 'x' }] },
    { model: 'tiny:1', input: 'x', encoding_format: 'base64' },
    { model: 'tiny:1', prompt: 'x' },
  ]) {
    const headers = { 'content-type': 'application/json' };
    const answer = await server.fetch(path, { method, headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(400);
  }
});
