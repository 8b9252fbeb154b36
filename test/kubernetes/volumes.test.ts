import type { V1Job, V1PersistentVolumeClaim, V1Pod, V1Secret } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import {
  grantReader,
  keyFor,
  makeNamespace,
  manifest,
  openRegion,
  readerGranted,
  withdrawReader,
  workloadOf,
} from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  nodes = await startNodes(plane, [{ name: 'eu-1' }]);
});
afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = await makeNamespace(plane);
  nodes.rule = () => undefined;
  nodes.log = () => '';
  nodes.lost = () => false;
  nodes.reclaim = 'Delete';
});

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}
const jobs = () => list<V1Job>('/apis/batch/v1/NS/jobs');
const secrets = () => list<V1Secret>('/api/v1/NS/secrets');
const claims = () => list<V1PersistentVolumeClaim>('/api/v1/NS/persistentvolumeclaims');
const pods = () => list<V1Pod>('/api/v1/NS/pods');

const isEngine = (pod: V1Pod) => pod.spec?.containers[0]?.name === 'engine' && pod.spec.nodeName !== undefined;

const patience = { timeout: 20_000, interval: 50 };
const key = keyFor('team/tiny');

test('ten simultaneous starts of a download make one Job, and only its pod gets the token', async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => 'run';
  await Promise.all(Array.from({ length: 10 }, () => region.startDownload(key, manifest, 1, 'hf_secret')));
  expect((await jobs()).map((job) => job.metadata?.name)).toEqual([`${key}-1`]);
  expect(await claims()).toHaveLength(1);
  expect((await secrets()).map((secret) => secret.data)).toEqual([
    { token: Buffer.from('hf_secret').toString('base64') },
  ]);
  await vi.waitFor(
    async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'downloading', attempt: 1 }),
    patience,
  );
});

test('a volume is ready when its Job completed, and the token is gone by then', async () => {
  await using region = await openRegion(plane, namespace);
  await region.startDownload(key, manifest, 1, 'hf_secret');
  await vi.waitFor(
    async () => expect(await region.observeVolume(key)).toEqual({ state: 'ready', bytes: 3_000_000 }),
    patience,
  );
  expect(await secrets()).toEqual([]);
  // Another server, or the same one after a restart, sees the same.
  await using later = await openRegion(plane, namespace);
  expect(await later.observeVolume(key)).toEqual({ state: 'ready', bytes: 3_000_000 });
});

test('a claim that was deleted and created again by hand does not count as complete', async () => {
  await using region = await openRegion(plane, namespace);
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  const [claim] = await claims();
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  await plane.call('DELETE', `${path}/${key}`);
  await plane.call('DELETE', `/api/v1/namespaces/${namespace}/pods`);
  await vi.waitFor(async () => expect(await claims()).toEqual([]), patience);
  const { name, labels } = claim?.metadata ?? {};
  const ours = Object.entries(claim?.metadata?.annotations ?? {}).filter(([each]) => each.startsWith('ecolink.dev/'));
  const annotations = Object.fromEntries(ours);
  const spec = { accessModes: claim?.spec?.accessModes, resources: claim?.spec?.resources };
  await plane.call('POST', path, { metadata: { name, labels, annotations }, spec });
  await vi.waitFor(
    async () => expect(await region.observeVolume(key)).toEqual({ state: 'partial', bytes: 0 }),
    patience,
  );
  await region.startDownload(key, manifest, 2, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});

const deleteClaim = (name: string) =>
  plane.call('DELETE', `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`);

test('a finished download keeps a claim that was deleted by hand, and an eviction removes both', async () => {
  await using region = await openRegion(plane, namespace);
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  await deleteClaim(key);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toEqual({ state: 'deleting' }), patience);
  expect((await claims())[0]?.metadata?.finalizers).toEqual(['kubernetes.io/pvc-protection']);
  expect(await region.deleteVolume(key)).toBe(3_000_000);
  expect(await claims()).toEqual([]);
  expect(await jobs()).toEqual([]);
  expect(await region.observeVolume(key)).toEqual({ state: 'absent' });
  await region.startDownload(key, manifest, 2, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});

test("an eviction fails while a pod mounts the claim, and works after the pod's end", async () => {
  await using region = await openRegion(plane, namespace);
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  nodes.rule = () => 'run';
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect((await pods()).some(isEngine)).toBe(true), patience);
  await deleteClaim(key);
  await expect(region.deleteVolume(key)).rejects.toMatchObject({ code: 'volume_deleting', retryable: true });
  await region.removeWorkload(7);
  await vi.waitFor(async () => expect(await claims()).toEqual([]), patience);
  expect(await region.deleteVolume(key)).toBeUndefined();
});

test.for([
  [20, 'gated_repo', false],
  [30, 'no_space', false],
  [31, 'not_writable', false],
] as const)(
  'a pull that ends with status %i fails at once with %s, and its token is deleted',
  async ([exit, code, retryable]) => {
    await using region = await openRegion(plane, namespace);
    const failed = { type: 'failed', code, message: 'In words.', retryable };
    nodes.rule = () => ({ exit, message: `{"type":"progress"}\n${JSON.stringify(failed)}\n` });
    await region.startDownload(key, manifest, 1, 'hf_secret');
    await vi.waitFor(
      async () => expect(await region.observeVolume(key)).toEqual({ state: 'failed', attempt: 1, failure: failed }),
      patience,
    );
    expect(await secrets()).toEqual([]);
    expect(await pods()).toHaveLength(1);
  },
);

test('a download that is killed for memory says so, and its token is deleted', async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => ({ exit: 137, reason: 'OOMKilled' });
  await region.startDownload(key, manifest, 1, 'hf_secret');
  await vi.waitFor(
    async () => expect(await region.observeVolume(key)).toMatchObject({ failure: { code: 'out_of_memory' } }),
    { timeout: 60_000, interval: 200 },
  );
  expect(await secrets()).toEqual([]);
});

test('a download that is evicted again and again fails with that reason', { timeout: 180_000 }, async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => ({ evicted: 'The node was low on resource: memory.' });
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(key)).toEqual({
        state: 'failed',
        attempt: 1,
        failure: {
          type: 'failed',
          code: 'interrupted',
          message: expect.stringMatching(
            /ended the download \d times: The node was low on resource: memory\.$/,
          ) as string,
          retryable: true,
        },
      }),
    { timeout: 120_000, interval: 200 },
  );
  nodes.rule = () => ({ exit: 0 });
  await region.startDownload(key, manifest, 2, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});

test('a stopped download leaves the volume, but no Job, token or file list', async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => 'run';
  await region.startDownload(key, manifest, 1, 'hf_secret');
  await vi.waitFor(async () => expect(await pods()).toHaveLength(1), patience);
  await region.stopDownload(key);
  expect(await secrets()).toEqual([]);
  expect(await region.observeVolume(key)).toEqual({ state: 'partial', bytes: 0 });
  await vi.waitFor(async () => expect(await pods()).toEqual([]), patience);
  expect(await jobs()).toEqual([]);
  const maps = await list<{ metadata: { name: string } }>('/api/v1/NS/configmaps');
  expect(maps.filter((map) => map.metadata.name.startsWith('v-'))).toEqual([]);
  // Nobody can look into a volume that was never complete, so its bytes are unknown, not zero.
  expect(await region.deleteVolume(key)).toBeUndefined();
  expect(await region.observeVolume(key)).toEqual({ state: 'absent' });
});

test("progress comes from the pod's last line", async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => 'run';
  const progress = { done: 10, total: 3_000_000, rate: 5, seconds_left: 600_000 };
  nodes.log = () => `${JSON.stringify({ type: 'progress', ...progress })}\n`;
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(
    async () => expect(await region.observeVolume(key)).toEqual({ state: 'downloading', attempt: 1, progress }),
    patience,
  );
});

test('a download on a lost node loses its token and makes room for the next attempt', async () => {
  await using region = await openRegion(plane, namespace);
  nodes.rule = () => 'run';
  nodes.lost = () => true;
  await region.startDownload(key, manifest, 1, 'hf_secret');
  await vi.waitFor(async () => expect((await pods())[0]?.status?.phase).toBe('Running'), patience);
  const name = (await pods())[0]?.metadata?.name;
  await plane.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 1 });
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(key)).toMatchObject({ state: 'failed', failure: { code: 'interrupted' } }),
    { timeout: 60_000, interval: 500 },
  );
  expect(await secrets()).toEqual([]);
  nodes.rule = (pod) => (pod.metadata?.name === name ? 'hold' : { exit: 0 });
  await region.startDownload(key, manifest, 2, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});

test('a volume of a missing class says why it is not bound', async () => {
  await using region = await openRegion(plane, namespace, { config: { storage_class: 'missing' } });
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(key)).toMatchObject({
        state: 'downloading',
        reason: { code: 'volume_not_bound', message: expect.stringContaining('"missing" not found') as string },
      }),
    patience,
  );
});

test('an eviction deletes the claim and its Jobs, and nothing that others made', async () => {
  await using region = await openRegion(plane, namespace);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: { name: 'theirs' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  expect(await region.deleteVolume(key)).toBe(3_000_000);
  expect(await region.observeVolume(key)).toEqual({ state: 'absent' });
  expect((await claims()).map((claim) => claim.metadata?.name)).toEqual(['theirs']);
  expect(await jobs()).toEqual([]);
});

test.each(readerGranted ? [] : ['the Role alone'])(
  'with %s, EcoLink says that it does not know whether an eviction frees bytes',
  async () => {
    await using region = await openRegion(plane, namespace);
    await region.startDownload(key, manifest, 1, undefined);
    await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
    expect(await region.remains(key)).toContain('not known');
  },
);

test('an eviction names a volume that its storage retains, and frees nothing there', async () => {
  await grantReader(plane);
  await using region = await openRegion(plane, namespace);
  for (const [policy, freed] of [
    ['Delete', 3_000_000],
    ['Retain', 0],
  ] as const) {
    nodes.reclaim = policy;
    await region.startDownload(key, manifest, 1, undefined);
    await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
    const volume = (await claims())[0]?.spec?.volumeName ?? 'none';
    const note = await region.remains(key);
    if (policy === 'Retain') expect(note).toMatch(new RegExp(`${volume} stays .*Retain`));
    else expect(note).toBeUndefined();
    expect(await region.deleteVolume(key)).toBe(freed);
  }
  await withdrawReader(plane);
});

test('the next attempt replaces a download that its server created but never released', async () => {
  nodes.rule = () => 'run';
  await using proxy = await startFaultProxy(plane.url);
  const kubeconfig = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  {
    await using dying = await openRegion(plane, namespace, { kubeconfig });
    // Every call after the lock fails, as if the server died.
    proxy.fault = (request) =>
      /\/(configmaps|secrets|jobs\/.*)$/.test(request.url?.split('?')[0] ?? '') ? 'cut' : undefined;
    await expect(dying.startDownload(key, manifest, 1, 'hf_secret')).rejects.toMatchObject({ retryable: true });
  }
  const [left] = await jobs();
  expect(left?.spec?.suspend).toBe(true);
  await using region = await openRegion(plane, namespace);
  expect(await region.observeVolume(key)).toMatchObject({ state: 'downloading', attempt: 1 });
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'partial' }), {
    timeout: 60_000,
    interval: 500,
  });
  expect(await secrets()).toEqual([]);
  await region.startDownload(key, manifest, 2, 'hf_secret');
  expect((await jobs()).map((job) => [job.metadata?.name, job.spec?.suspend])).toEqual([[`${key}-2`, false]]);
  expect((await secrets()).map((secret) => secret.metadata?.name)).toEqual([`${key}-2`]);
});

test('a damaged volume is downloaded again', async () => {
  await using region = await openRegion(plane, namespace);
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  nodes.log = () => '{"mismatches":["model.gguf: hash"]}\n';
  expect(await region.verifyVolume(key)).toEqual(['model.gguf: hash']);
  expect(await region.observeVolume(key)).toEqual({ state: 'partial', bytes: 0 });
  await region.startDownload(key, manifest, 2, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});
