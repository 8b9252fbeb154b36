import { expect, test } from 'vitest';
import { rawRequest } from '../support/raw-request.ts';
import { startTestServer } from '../support/server.ts';

async function statusOf(server: { url: string; localToken: string }, headers: Record<string, string>): Promise<number> {
  const all = { authorization: `Bearer ${server.localToken}`, ...headers };
  return (await rawRequest(server.url, { path: '/api/tokens', headers: all })).status;
}

test('only host names of this server are accepted, so DNS rebinding does not work', async () => {
  await using server = await startTestServer();
  for (const host of ['localhost:7420', 'LOCALHOST', '127.0.0.1', '127.8.0.1:1', '[::1]:7420']) {
    expect([host, await statusOf(server, { host })]).toEqual([host, 200]);
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.7', 'a@localhost']) {
    expect([host, await statusOf(server, { host })]).toEqual([host, 403]);
  }
});

test('pages of other origins are refused, pages of this machine are not', async () => {
  await using server = await startTestServer();
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443']) {
    expect([origin, await statusOf(server, { origin })]).toEqual([origin, 200]);
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'file://',
    'http://localhost.evil.example',
    'chrome-extension://abc',
  ]) {
    expect([origin, await statusOf(server, { origin })]).toEqual([origin, 403]);
  }
});

test('a server on every address accepts any IP address as its host, because no page can rebind one', async () => {
  await using server = await startTestServer({ host: '0.0.0.0' });
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect(await statusOf(server, { host: '10.0.0.7:7420' })).toBe(200);
  expect(await statusOf(server, { host: '10.0.0.7:7420', origin: 'http://10.0.0.7:7420' })).toBe(200);
  expect(await statusOf(server, { host: '10.0.0.7:7420', origin: 'http://10.0.0.8' })).toBe(403);
  expect(await statusOf(server, { host: 'evil.example' })).toBe(403);
});

test('a server accepts the host names that are configured, and no others', async () => {
  const environment = { ECOLINK_ALLOWED_HOSTS: 'ecolink.models.svc, Models.Example.com' };
  await using server = await startTestServer({ host: '0.0.0.0', environment });
  expect(await statusOf(server, { host: 'ecolink.models.svc:7420' })).toBe(200);
  expect(await statusOf(server, { host: 'models.example.com', origin: 'https://models.example.com' })).toBe(200);
  expect(await statusOf(server, { host: 'evil.example' })).toBe(403);
  expect(await statusOf(server, { host: 'models.example.com', origin: 'https://evil.example' })).toBe(403);
});

test('a refused token is not repeated in the answer', async () => {
  await using server = await startTestServer();
  const answer = await rawRequest(server.url, {
    path: '/api/tokens',
    headers: { authorization: 'Bearer eco_secret_guess' },
  });
  expect(answer.status).toBe(401);
  expect(answer.body).not.toContain('eco_secret_guess');
});
