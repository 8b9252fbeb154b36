import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { connect } from '../../src/client/client.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const source = { source: 'filesystem', filesystem: 'shared', subfolder: 'tiny', category: 'chat' } as const;

async function withFolder(environment: Record<string, string> = {}): Promise<TestServer> {
  return startTestServer({
    environment,
    async prepare(dataDir) {
      await mkdir(join(dataDir, 'shared', 'tiny'), { recursive: true });
      await writeFile(join(dataDir, 'shared', 'tiny', 'tiny.gguf'), makeTinyGguf());
      const filesystems = [{ name: 'shared', region: 'local', path: join(dataDir, 'shared') }];
      await writeFile(join(dataDir, 'ecolink.yaml'), JSON.stringify({ filesystems }));
    },
  });
}

async function post(server: TestServer, operation: string, input: object, headers = {}): Promise<unknown> {
  const answer = await server.fetch(`/api/operations/${operation}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(input),
  });
  return answer.json();
}

const parts = { 'ecolink-prose': 'parts' };
const launch = { operation: 'launch_instance', input: { model: 'tiny' } };

test('an output has plain words, and parts for a client that says them itself', async () => {
  await using server = await withFolder();
  expect(await post(server, 'register_model', { name: 'tiny', ...source, idempotency_key: 'k' })).toMatchObject({
    next_step: expect.stringContaining('launch_instance (model: "tiny")'),
  });
  const repeated = { name: 'tiny', ...source, idempotency_key: 'k' };
  expect(await post(server, 'register_model', repeated, parts)).toMatchObject({
    next_step: expect.arrayContaining([launch]),
  });
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  const { next_step: nextStep } = await client.call('register_model', repeated);
  expect(nextStep).toContainEqual(launch);
});

test('an error has plain words, and parts for a client that says them itself', async () => {
  await using server = await withFolder();
  expect(await post(server, 'get_model', { model: 'none' })).toMatchObject({
    error: { next_step: expect.stringContaining('list_models') },
  });
  expect(await post(server, 'get_model', { model: 'none' }, parts)).toMatchObject({
    error: { next_step: expect.arrayContaining([{ operation: 'list_models' }]) },
  });
});

test('the address of an instance is the public address of the server', async () => {
  await using server = await withFolder({ ECOLINK_PUBLIC_URL: 'https://models.example.com/ecolink/' });
  await post(server, 'register_model', { name: 'tiny', ...source });
  await post(server, 'launch_instance', { model: 'tiny' });
  const address = async () => post(server, 'get_instance', { instance: '1' });
  expect(await address()).toMatchObject({ url: 'https://models.example.com/ecolink/v1' });
});

test('without a public address it is the address that the server listens at, whatever server.json says', async () => {
  await using server = await withFolder();
  await post(server, 'register_model', { name: 'tiny', ...source });
  await post(server, 'launch_instance', { model: 'tiny' });
  const file = { url: 'http://127.0.0.1:1', pid: process.pid, started_at: new Date().toISOString() };
  await writeFile(join(server.dataDir, 'server.json'), JSON.stringify(file));
  expect(await post(server, 'get_instance', { instance: '1' })).toMatchObject({ url: `${server.url}/v1` });
});
