import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer } from '../support/server.ts';

let server: Awaited<ReturnType<typeof startTestServer>>;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const hello = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

function post(path: string, token: string | undefined, body: unknown = hello): Promise<Response> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  return fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

test.each(['/mcp', '/mcp/', '/mcp/?x=1'])('%s is the endpoint', async (path) => {
  const answer = await post(path, server.localToken);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('serverInfo');
});

test.each([
  ['no token', undefined],
  ['an unknown token', 'eco_unknown'],
])('%s is answered with the command that makes one, in full', async (_, token) => {
  const answer = await post('/mcp/', token);
  expect(answer.status).toBe(401);
  expect(await answer.text()).toContain('ecolink token create <name> --agent --scope operate');
});

test('a token that may not read is refused before the protocol, with the scope that it lacks', async () => {
  const made = await post('/api/tokens', server.localToken, { name: 'caller', scopes: ['call'] });
  const { token } = (await made.json()) as { token: string };
  const answer = await post('/mcp', token);
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
    403,
    'Bearer error="insufficient_scope", scope="read"',
  ]);
});

test.each(['oauth-protected-resource', 'oauth-authorization-server/mcp', 'openid-configuration'])(
  'a client that looks for OAuth at %s finds nothing, without a token',
  async (name) => {
    const answer = await fetch(`${server.url}/.well-known/${name}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error_description: expect.stringContaining('has no OAuth') });
  },
);

test('a client that registers itself is refused in the form of OAuth', async () => {
  const answer = await post('/register', undefined, { redirect_uris: ['http://127.0.0.1:1'] });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({
    error: 'invalid_client_metadata',
    error_description: expect.stringMatching(/^This server has no OAuth\. .*ecolink token create/),
  });
});
