import { expect, test } from 'vitest';
import { startEngine } from '../support/engine.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestServer } from '../support/server.ts';
import { refusalIn } from './answers.ts';
import { routesTo } from './routes.ts';

const path = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };

test('a body that names no model, or is no JSON object, is refused in the words of the OpenAI API', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const cases: [string, string, string | null][] = [
    ['{}', 'model_missing', 'model'],
    ['{"model":7}', 'model_missing', 'model'],
    ['{"model":"tiny:1",', 'bad_json', null],
    ['[]', 'bad_json', null],
    ['', 'bad_json', null],
  ];
  for (const [body, code, param] of cases) {
    const answer = await server.fetch(path, { method: 'POST', headers: json, body });
    expect(answer.status).toBe(400);
    expect(refusalIn(await answer.text())).toEqual({
      message: expect.any(String),
      type: 'invalid_request_error',
      param,
      code,
    });
  }
});

test('a compressed or differently typed body is refused with what to send', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  for (const headers of [{ ...json, 'content-encoding': 'gzip' }, { 'content-type': 'text/plain' }]) {
    const answer = await server.fetch(path, { method: 'POST', headers, body: '{"model":"tiny:1"}' });
    expect(answer.status).toBe(415);
    expect(refusalIn(await answer.text()).code).toBe('not_json');
  }
});

test('a body of more than 64 MiB is refused, whether its length was declared or not', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const big = Buffer.alloc((64 << 20) + 1, 0x20);
  const declared = await server.fetch(path, { method: 'POST', headers: json, body: big });
  expect(declared.status).toBe(413);
  expect(refusalIn(await declared.text()).code).toBe('body_too_large');
  const stream = new Blob([big]).stream();
  const undeclared = await server.fetch(path, {
    method: 'POST',
    headers: json,
    body: stream,
    duplex: 'half',
  });
  expect(undeclared.status).toBe(413);
});

test('what the caller wrote reaches the engine byte for byte', async () => {
  await using engine = await startEngine();
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const body = '{ "model": "tiny:1",\n "seed": 12345678901234567890, "logit_bias": {"50256": -1.0} }';
  await server.fetch(path, { method: 'POST', headers: json, body });
  expect(engine.seen[0]?.body).toBe(body);
});

test('even a refusal at the door has the OpenAI shape on the gateway', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const authorization = `Bearer ${server.localToken}`;
  const cases: { headers: Record<string, string>; status: number; code: string; type: string }[] = [
    {
      headers: { authorization, host: 'evil.example' },
      status: 403,
      code: 'host_not_allowed',
      type: 'permission_error',
    },
    {
      headers: { authorization, origin: 'https://evil.example' },
      status: 403,
      code: 'origin_not_allowed',
      type: 'permission_error',
    },
    { headers: {}, status: 401, code: 'invalid_api_key', type: 'authentication_error' },
    { headers: { authorization: 'Basic abc' }, status: 401, code: 'invalid_api_key', type: 'authentication_error' },
  ];
  for (const { headers, status, code, type } of cases) {
    const answer = await rawRequest(server.url, { path: '/v1/models', headers });
    expect(answer.status).toBe(status);
    expect(refusalIn(answer.body)).toEqual({
      message: expect.any(String),
      type,
      param: null,
      code,
    });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
});
