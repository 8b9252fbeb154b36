import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { listeningPort } from '../../src/core/base/listening-port.ts';
import { startServer } from '../../src/http/server.ts';
import { startTestServer } from '../support/server.ts';
import type { TestRequest, TestServer } from '../support/server.ts';

const json = { 'content-type': 'application/json' };

const refusal = z.object({
  error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean(), next_step: z.string() }),
});

function operate(
  server: TestServer,
  name: string,
  input: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return server.fetch(`/api/operations/${name}`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(input),
  });
}

test('a started server writes its address and a token into its data folder, and removes the address when it stops', async () => {
  await using server = await startTestServer();
  const file: unknown = JSON.parse(await readFile(join(server.dataDir, 'server.json'), 'utf8'));
  expect(file).toEqual({
    url: server.url,
    pid: process.pid,
    started_at: expect.any(String),
    socket: join(server.dataDir, 'server.sock'),
  });
  expect((await stat(join(server.dataDir, 'server.sock'))).isSocket()).toBe(true);
  expect((await stat(join(server.dataDir, 'local-token'))).mode & 0o777).toBe(0o600);
  expect(server.localToken).toMatch(/^eco_local_[\w-]{43}$/);
  await server.server.close();
  await expect(stat(join(server.dataDir, 'server.json'))).rejects.toThrow('ENOENT');
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});

test('if another program uses the port, the error names it and says how to choose another', async () => {
  await using server = await startTestServer();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const port = listeningPort(other);
  await expect(startServer(server.core, { port })).rejects.toMatchObject({
    code: 'port_in_use',
    message: expect.stringContaining(String(port)),
    nextStep: expect.stringContaining('ECOLINK_PORT'),
  });
  // The failed start did not change the address of the running server.
  expect(JSON.parse(await readFile(join(server.dataDir, 'server.json'), 'utf8'))).toMatchObject({ url: server.url });
  other.close();
});

test('probes need no token, and everything else does, unknown paths too', async () => {
  await using server = await startTestServer();
  for (const path of ['/healthz', '/readyz']) expect((await fetch(server.url + path)).status).toBe(200);
  // Anybody may ask. A process id would tell another account what to look at.
  expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ status: 'ok', service: 'ecolink' });
  for (const path of [
    '/',
    '/metrics',
    '/api/events',
    '/api/tokens',
    '/nothing',
    '/mcp',
    '/v1/models',
    '/instances/1/proxy/x',
    '/slack/events',
  ]) {
    const answer = await fetch(server.url + path);
    expect([path, answer.status]).toEqual([path, 401]);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  }
});

test('the answer of an operation is its output, or the error with its status', async () => {
  await using server = await startTestServer();
  const done = await operate(server, 'list_models', {});
  expect([done.status, await done.json()]).toEqual([200, { items: [] }]);
  const cases: [string, unknown, number, string][] = [
    ['list_model', {}, 404, 'operation_not_found'],
    ['get_model', { model: 'none' }, 404, 'model_not_found'],
    ['list_models', { limits: 3 }, 400, 'unknown_field'],
  ];
  for (const [name, input, status, code] of cases) {
    const answer = await operate(server, name, input);
    const { error } = refusal.parse(await answer.json());
    expect([answer.status, error.code]).toEqual([status, code]);
    expect(error.next_step).not.toBe('');
  }
});

test('a request that cannot be read is refused without a stack trace', async () => {
  await using server = await startTestServer();
  const post = (init: TestRequest) => server.fetch('/api/operations/list_models', { method: 'POST', ...init });
  const answers = [
    [await post({ headers: json, body: '{"a":' }), 400, 'bad_request'],
    [await post({ headers: { 'content-type': 'text/plain' }, body: 'x' }), 415, 'not_json'],
    [await post({ headers: json, body: JSON.stringify('x'.repeat(2 << 20)) }), 413, 'body_too_large'],
    [await server.fetch('/api/operations/list_models'), 404, 'path_not_found'],
    [await server.fetch('/%zz'), 400, 'bad_request'],
  ] as const;
  for (const [answer, status, code] of answers) {
    const body = await answer.text();
    expect([answer.status, refusal.parse(JSON.parse(body)).error.code]).toEqual([status, code]);
    expect(body).not.toMatch(/\bat .*\.[jt]s/);
  }
});

test('an operation without a body runs on its defaults', async () => {
  await using server = await startTestServer();
  expect((await server.fetch('/api/operations/list_models', { method: 'POST' })).status).toBe(200);
});

test("a request keeps the caller's id, and gets a new one if that is not valid", async () => {
  await using server = await startTestServer();
  const idFor = async (path: string, given: string) =>
    (await server.fetch(path, { headers: { 'x-request-id': given } })).headers.get('x-request-id');
  for (const path of ['/api/tokens', '/v1/models']) {
    expect(await idFor(path, 'trace-7')).toBe('trace-7');
    expect(await idFor(path, 'with space')).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('a token does what its scopes allow', async () => {
  await using server = await startTestServer();
  const as = async (...scopes: Parameters<TestServer['token']>) => ({
    authorization: `Bearer ${await server.token(...scopes)}`,
  });
  const reader = await as('read');
  const caller = await as('call');
  expect((await operate(server, 'list_models', {}, reader)).status).toBe(200);
  const refused = await operate(server, 'stop_instance', { instance: '1' }, reader);
  expect([refused.status, refusal.parse(await refused.json()).error.code]).toEqual([403, 'scope_missing']);
  expect((await operate(server, 'list_models', {}, caller)).status).toBe(403);
  for (const path of ['/metrics', '/api/events', '/api/tokens']) {
    expect((await server.fetch(path, { headers: caller })).status).toBe(403);
  }
});

test('operations are counted by name and outcome', async () => {
  await using server = await startTestServer();
  await operate(server, 'list_models', {});
  await operate(server, 'get_model', { model: 'none' });
  await operate(server, 'made_up', {});
  const text = await (await server.fetch('/metrics')).text();
  expect(text).toContain('ecolink_operations_total{operation="list_models",outcome="done"} 1');
  expect(text).toContain('ecolink_operations_total{operation="get_model",outcome="model_not_found"} 1');
  expect(text).toContain('ecolink_operations_total{operation="unknown",outcome="operation_not_found"} 1');
  expect(text).toContain('ecolink_operation_duration_seconds_count{operation="list_models"} 1');
  expect(text).toContain('process_cpu_seconds_total');
});

test('if the store does not answer, the server is not ready but alive', async () => {
  await using server = await startTestServer();
  await server.core[Symbol.asyncDispose]();
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, refusal.parse(await ready.json()).error.code]).toEqual([503, 'store_unavailable']);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});
