import { once } from 'node:events';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { listeningPort } from '../../src/core/base/listening-port.ts';
import { connect } from '../../src/client/client.ts';
import { readServerFile } from '../../src/client/data-folder.ts';
import { startServer } from '../../src/http/server.ts';
import { startCore } from '../support/core.ts';
import { saying } from '../support/plain.ts';
import { startTestServer } from '../support/server.ts';

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'ecolink-client-'));
}

async function strangerAt(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${listeningPort(server)}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('the client finds the server by its data folder and calls operations with the local token', async () => {
  await using server = await startTestServer();
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  expect(client.url).toBe(server.url);
  expect(await client.call('list_models', {})).toEqual({ items: [] });
});

test('an error of the server is the same error in the client', async () => {
  await using server = await startTestServer();
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  await expect(client.call('get_model', { model: 'none' })).rejects.toMatchObject({
    name: 'EcolinkError',
    code: 'model_not_found',
    kind: 'not_found',
    exitStatus: 3,
  });
  const typed: string = 'list_models';
  await expect(client.call(typed, { category: 'x'.repeat(2 << 20) })).rejects.toMatchObject({
    code: 'body_too_large',
    exitStatus: 2,
  });
});

test('tokens are made, listed and revoked through the client, but not by an assistant', async () => {
  await using server = await startTestServer();
  const { tokens } = await connect({ dataDir: server.dataDir, source: 'cli' });
  const { token, summary } = await tokens.create({ name: 'laptop', scopes: ['call'] });
  expect(token).toMatch(/^eco_/);
  expect(await tokens.list()).toMatchObject([{ id: summary.id, name: 'laptop' }]);
  expect(await tokens.revoke('laptop')).toMatchObject({ id: summary.id });
  const assistant = await connect({ dataDir: server.dataDir, source: 'mcp' });
  await expect(assistant.tokens.list()).rejects.toMatchObject({ code: 'person_needed', kind: 'refused' });
});

test('without a server the error says how to start one', async () => {
  await expect(connect({ dataDir: await emptyFolder(), source: 'cli' })).rejects.toMatchObject({
    code: 'server_not_running',
    kind: 'unavailable',
    nextStep: saying('start the server'),
  });
});

test('a data folder whose path is too long for a socket has it elsewhere', async () => {
  await using place = await startCore({ reconcile: false });
  const dataDir = join(place.dataDir, 'x'.repeat(120));
  await mkdir(dataDir, { mode: 0o700 });
  await cp(join(place.dataDir, 'local-token'), join(dataDir, 'local-token'));
  await using server = await startServer(place.core, { dataDir, graceMs: 0 });
  expect((await readServerFile(dataDir))?.socket).not.toContain(dataDir);
  expect((await connect({ dataDir, source: 'cli' })).url).toBe(server.url);
});

test('an ECOLINK_URL that is no URL is bad input', async () => {
  const dataDir = await emptyFolder();
  for (const url of ['7420', 'localhost:7420', 'file:///etc']) {
    await expect(connect({ dataDir, source: 'cli', url, token: 'eco_x' })).rejects.toMatchObject({
      code: 'bad_environment',
      exitStatus: 2,
    });
  }
});

test('a server elsewhere needs its own token, and the local token is not sent', async () => {
  await using server = await startTestServer();
  const dataDir = await emptyFolder();
  await writeFile(join(dataDir, 'local-token'), 'eco_local_secret\n');
  await expect(connect({ dataDir, source: 'cli', url: server.url })).rejects.toMatchObject({ code: 'token_missing' });
  const token = await server.token('read');
  const client = await connect({ dataDir, source: 'cli', url: `${server.url}/`, token });
  expect(await client.call('list_models', {})).toEqual({ items: [] });
});

test('the error for a refused token says where the token came from, without its value', async () => {
  await using server = await startTestServer();
  const client = await connect({ dataDir: server.dataDir, source: 'cli', token: 'eco_wrong' });
  await expect(client.call('list_models', {})).rejects.toMatchObject({
    code: 'invalid_token',
    kind: 'unauthenticated',
    nextStep: saying('The token came from ECOLINK_TOKEN. '),
  });
  const error: unknown = await client.call('list_models', {}).catch((thrown: unknown) => thrown);
  expect(JSON.stringify([error, inspect(error, { depth: 9 })])).not.toContain('eco_wrong');
});

test('a server that dies during a call is another error than one that never ran', async () => {
  const dataDir = await emptyFolder();
  await using dying = await strangerAt((request, response) => {
    if (request.url === '/healthz') response.end(JSON.stringify({ service: 'ecolink', pid: process.pid }));
    else response.destroy();
  });
  const client = await connect({ dataDir, source: 'cli', url: dying.url, token: 'eco_x' });
  await expect(client.call('list_models', {})).rejects.toMatchObject({ code: 'server_lost', retryable: true });
});

test('a call that is cancelled ends at once', async () => {
  const dataDir = await emptyFolder();
  const arrived = Promise.withResolvers<void>();
  await using silent = await strangerAt((request, response) => {
    if (request.url === '/healthz') response.end(JSON.stringify({ service: 'ecolink', pid: process.pid }));
    else arrived.resolve();
  });
  const client = await connect({ dataDir, source: 'cli', url: silent.url, token: 'eco_x' });
  const abort = new AbortController();
  const call = client.call('list_models', {}, { signal: abort.signal });
  await arrived.promise;
  abort.abort();
  await expect(call).rejects.toMatchObject({ code: 'cancelled' });
});
