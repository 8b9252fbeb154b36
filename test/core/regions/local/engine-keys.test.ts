import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createSealer } from '../../../../src/core/secrets/sealer.ts';
import { startHub } from '../../../support/hub/hub.ts';
import type { Hub } from '../../../support/hub/hub.ts';
import { defined } from '../../../support/defined.ts';
import {
  askEngine,
  engineRuntime,
  logOf,
  startMachine,
  temporaryFolder,
  weights,
  writeConfig,
} from '../../instances/support/machine.ts';
import type { Machine } from '../../instances/support/machine.ts';
import { enginesWith, killAllOf, processesWith } from '../../instances/support/processes.ts';
import { startServer } from '../../instances/support/server.ts';

const auditKey = (byte: number): Record<string, string> => ({
  ECOLINK_AUDIT_KEY: Buffer.alloc(32, byte).toString('base64'),
});
const withKey = { runtimes: [{ ...engineRuntime, key_variable: 'ENGINE_KEY' }] };

let hub: Hub;
let dataDir: string;

beforeEach(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', weights());
  dataDir = await temporaryFolder();
  onTestFinished(async () => {
    await killAllOf(dataDir);
    await hub.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
});

/** A server launches an engine, and is killed. */
async function launchAndKill(file: object): Promise<number> {
  await writeConfig(dataDir, hub.endpoint, { file: { ...file } });
  const server = startServer(dataDir, hub.endpoint, auditKey(1));
  expect(await server.first).toEqual({ type: 'ready' });
  await server.register('tiny', 'acme/tiny');
  const id = await server.launch('tiny');
  await server.reach(id, 'running');
  await server.end('SIGKILL');
  return id;
}

async function successor(environment = auditKey(1)): Promise<Machine> {
  const machine = await startMachine({ dataDir, hub, environment, file: withKey });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  return machine;
}

async function replicaOf(machine: Machine, id: number) {
  return defined((await machine.core.routes.findById(id, machine.local)).replicas[0]);
}

function call(url: string, key: string | undefined): Promise<Response> {
  return fetch(url, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
}

const recordFile = (id: number): string =>
  join(dataDir, 'regions', 'local', 'instances', String(id), '0', 'process.json');

test('an engine has a random key, which only the server knows, and which its successor still knows after a crash', async () => {
  const id = await launchAndKill(withKey);
  const [pid] = await enginesWith(dataDir);
  const machine = await successor();
  const { url, key } = await replicaOf(machine, id);
  expect(key).toMatch(/^[\w-]{43}$/);
  expect((await call(url, undefined)).status).toBe(401);
  expect(await (await call(url, key)).json()).toMatchObject({ pid });
  await machine.reach(id, 'running');
  expect(await replicaOf(machine, id)).toMatchObject({ url, key });
  expect(await enginesWith(dataDir)).toEqual([pid]);
  for (const { line } of await processesWith('')) expect(line).not.toContain(key);
  expect(await readFile(recordFile(id), 'utf8')).not.toContain(key);
  // This engine prints its environment.
  expect(await logOf(machine, id)).toContain('"ENGINE_KEY":"[key]"');
});

test('each replica has a key of its own, and a new process a new one', async () => {
  const machine = await successor();
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny', { replicas: 2 });
  await machine.reach(id, 'running');
  const { replicas } = await machine.core.routes.findById(id, machine.local);
  const before = replicas.map(({ key }) => key);
  expect(new Set(before).size).toBe(2);
  await machine.run('restart_instance', { instance: String(id) });
  await machine.reach(id, 'running');
  const after = (await machine.core.routes.findById(id, machine.local)).replicas.map(({ key }) => key);
  expect(after.filter((key) => key === undefined || before.includes(key))).toEqual([]);
});

test('an engine that an older server started without a key is adopted and called without one', async () => {
  const id = await launchAndKill({ runtimes: [engineRuntime] });
  const [pid] = await enginesWith(dataDir);
  const machine = await successor();
  await machine.reach(id, 'running');
  const { url, key } = await replicaOf(machine, id);
  expect(key).toBeUndefined();
  expect(await askEngine(url)).toMatchObject({ pid });
});

test('an engine whose key cannot be opened any more is replaced', async () => {
  const id = await launchAndKill(withKey);
  const [pid] = await enginesWith(dataDir);
  const machine = await successor(auditKey(2));
  await expect.poll(async () => (await enginesWith(dataDir)).filter((each) => each !== pid)).toHaveLength(1);
  await machine.reach(id, 'running');
  const { url, key } = await replicaOf(machine, id);
  expect((await call(url, key)).status).toBe(200);
});

test('the look at the context length of an engine sends its key', async () => {
  const context_report = { path: '/', field: 'pid' };
  const file = { runtimes: [{ ...engineRuntime, key_variable: 'ENGINE_KEY', context_report }] };
  const machine = await startMachine({ dataDir, hub, file });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny');
  await machine.reach(id, 'running');
  const [pid] = await enginesWith(dataDir);
  await expect.poll(async () => (await machine.get(id)).regions[0]).toMatchObject({ context_length: pid });
});

test('a sealed key opens only for the replica that it was made for, and by the server that sealed it', async () => {
  const sealer = createSealer(Buffer.alloc(32, 1), 'replica keys');
  const sealed = sealer.seal('1-0', 'secret');
  expect(sealed).not.toContain('secret');
  expect(sealer.open('1-0', sealed)).toBe('secret');
  expect(sealer.open('1-1', sealed)).toBeUndefined();
  expect(createSealer(Buffer.alloc(32, 1), 'other').open('1-0', sealed)).toBeUndefined();
  expect(createSealer(Buffer.alloc(32, 2), 'replica keys').open('1-0', sealed)).toBeUndefined();
});
