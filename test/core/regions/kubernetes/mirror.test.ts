import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../src/core/base/clock.ts';
import type { Clock } from '../../../../src/core/base/clock.ts';
import { ClusterAccess } from '../../../../src/core/regions/kubernetes/api/access.ts';
import { KubernetesClient } from '../../../../src/core/regions/kubernetes/api/client.ts';
import { Mirror } from '../../../../src/core/regions/kubernetes/api/mirror.ts';

/** Answers with what a test sends. The real API server of our tests has only numeric versions. */
let server: Server;
let access: ClusterAccess;
let mirror: Mirror<'ConfigMap'>;
let dir: string;
let lists: ServerResponse[];
let watches: ServerResponse[];
let changed: string[];
let elapsedMs: number;
let periodicTasks: Set<() => void>;

beforeEach(async () => {
  [lists, watches, changed] = [[], [], []];
  [elapsedMs, periodicTasks] = [0, new Set()];
  const clock: Clock = {
    ...systemClock,
    elapsedMs: () => elapsedMs,
    every(_ms, task) {
      periodicTasks.add(task);
      return { [Symbol.dispose]: () => void periodicTasks.delete(task) };
    },
  };
  server = createServer((request, response) => {
    if (!request.url?.includes('watch=true')) return void lists.push(response);
    response.flushHeaders();
    watches.push(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  dir = await mkdtemp(join(tmpdir(), 'ecolink-mirror-'));
  const kubeconfig = join(dir, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  await writeFile(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  access = new ClusterAccess({ region: 'eu', kubeconfig, inCluster: false, clock });
  const client = new KubernetesClient({ region: 'eu', namespace: 'models', access, clock });
  const ownerOf = () => undefined;
  const tell = ({ metadata }: { metadata: { resourceVersion: string } }) => changed.push(metadata.resourceVersion);
  mirror = new Mirror({ client, clock, kind: 'ConfigMap', labelSelector: '', ownerOf, changed: tell });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await mirror.close();
  await access.close();
  await rm(dir, { recursive: true, force: true });
});

const patience = { timeout: 10_000, interval: 10 };

function at(resourceVersion: string, name = 'a') {
  return { metadata: { name, uid: `uid-${name}`, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' } };
}

/** Answers the mirror's list, and waits until it watches. */
async function listing(...items: object[]): Promise<void> {
  const first = mirror.all();
  await answerList(...items);
  await first;
  await vi.waitFor(() => expect(watches).toHaveLength(1), patience);
}

async function answerList(...items: object[]): Promise<void> {
  await vi.waitFor(() => expect(lists).not.toEqual([]), patience);
  for (const response of lists.splice(0))
    response.end(JSON.stringify({ metadata: { resourceVersion: 'list' }, items }));
}

/** Sends changes of one object, and waits until the mirror has the last one. */
async function send(...versions: string[]): Promise<void> {
  for (const version of versions) watches[0]?.write(`${JSON.stringify({ type: 'MODIFIED', object: at(version) })}\n`);
  await vi.waitFor(() => expect(changed.at(-1)).toBe(versions.at(-1)), patience);
}

async function version(name = 'a'): Promise<string | undefined> {
  return (await mirror.get(name))?.metadata.resourceVersion;
}

test('versions that are not numbers are followed in the order of their arrival', async () => {
  await listing(at('zeta'));
  await send('beta', 'alpha');
  expect(await version()).toBe('alpha');
  expect(lists).toEqual([]);
});

test('if versions are numbers, the highest one counts, in any order of arrival', async () => {
  await listing(at('5'));
  mirror.put(at('10'));
  await send('9');
  expect(await version()).toBe('10');
  await send('11');
  expect(await version()).toBe('11');
});

test('a number and another version have no order', async () => {
  await listing(at('5'));
  mirror.put(at('10'));
  await send('9-b');
  expect(await version()).toBe('9-b');
});

test('an object that is written during a list stays only if the list lacks it', async () => {
  const first = mirror.all();
  await vi.waitFor(() => expect(lists).not.toEqual([]), patience);
  mirror.put(at('written'));
  mirror.put(at('written', 'b'));
  await answerList(at('listed'));
  await first;
  expect([await version(), await version('b')]).toEqual(['listed', 'written']);
});

test('if a watch has no event for minutes, the mirror lists again', async () => {
  await listing(at('5'));
  elapsedMs += 140_000;
  await send('6');
  elapsedMs += 140_000;
  for (const task of periodicTasks) task();
  expect(await version()).toBe('6');
  elapsedMs += 20_000;
  for (const task of periodicTasks) task();
  await answerList(at('7'));
  await vi.waitFor(() => expect(changed.at(-1)).toBe('7'), patience);
});

test('a list is refused as a whole if one object has no name: a missing object would look deleted', async () => {
  const first = mirror.all();
  await answerList(at('5'), { metadata: { uid: 'u' } });
  await expect(first).rejects.toMatchObject({ code: 'region_error', retryable: true });
});
