import type { V1Job, V1PersistentVolumeClaim, V1Pod, V1Secret } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import { keyFor, manifest, openRegion } from './support/regions.ts';
import { useNamespace } from './support/use-namespace.ts';

const cluster = useNamespace();
const jobs = () => cluster.list<V1Job>('/apis/batch/v1/NS/jobs');
const secrets = () => cluster.list<V1Secret>('/api/v1/NS/secrets');
const claims = () => cluster.list<V1PersistentVolumeClaim>('/api/v1/NS/persistentvolumeclaims');
const pods = () => cluster.list<V1Pod>('/api/v1/NS/pods');

const patience = { timeout: 20_000, interval: 50 };
const key = keyFor('team/tiny');
const config = { access_mode: 'ReadWriteOnce', share: 'clone' };

test('a volume of one node is cloned for many nodes, and its source is deleted', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace, { config });
  let proven = false;
  cluster.nodes.rule = (pod) =>
    pod.metadata?.labels?.['ecolink.dev/volume'] === key && pod.spec?.containers[0]?.name === 'errand' && !proven
      ? 'run'
      : undefined;
  await region.startDownload(key, manifest, 1, 'hf_secret');
  await vi.waitFor(async () => {
    expect(await region.observeVolume(key)).toMatchObject({
      state: 'downloading',
      reason: { code: 'volume_sharing' },
    });
    expect((await pods()).some((pod) => pod.metadata?.name?.includes('share'))).toBe(true);
  }, patience);
  expect(await secrets()).toEqual([]);
  expect(
    (await claims()).map(({ metadata, spec }) => [metadata?.name, spec?.accessModes, spec?.dataSource?.name]),
  ).toEqual([
    [key, ['ReadOnlyMany'], `${key}-fill`],
    [`${key}-fill`, ['ReadWriteOnce'], undefined],
  ]);
  // Another server continues the clone.
  await using later = await openRegion(cluster.plane, cluster.namespace, { config });
  proven = true;
  await vi.waitFor(
    async () => expect(await later.observeVolume(key)).toEqual({ state: 'ready', bytes: 3_000_000 }),
    patience,
  );
  await vi.waitFor(async () => expect((await claims()).map(({ metadata }) => metadata?.name)).toEqual([key]), patience);
  expect(await jobs()).toEqual([]);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  await later.deleteVolume(key);
  expect(await claims()).toEqual([]);
});

test('a clone that is deleted during its check is made again from its source', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace, { config });
  let play: 'run' | undefined = 'run';
  cluster.nodes.rule = (pod) => (pod.spec?.containers[0]?.name === 'errand' ? play : undefined);
  await region.startDownload(key, manifest, 1, undefined);
  const cloned = async () => (await claims()).find(({ metadata }) => metadata?.name === key);
  await vi.waitFor(async () => {
    await region.observeVolume(key);
    expect((await pods()).some((pod) => pod.spec?.containers[0]?.name === 'errand' && pod.spec.nodeName)).toBe(true);
  }, patience);
  const first = (await cloned())?.metadata?.uid;
  await cluster.plane.call('DELETE', `/api/v1/namespaces/${cluster.namespace}/persistentvolumeclaims/${key}`);
  play = undefined;
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  expect((await cloned())?.metadata?.uid).not.toBe(first);
  expect(await jobs()).toEqual([]);
});

test('an incomplete clone is deleted and made again from its source', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace, { config });
  let exit = 1;
  cluster.nodes.rule = (pod) => (pod.spec?.containers[0]?.name === 'errand' ? { exit } : undefined);
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(key)).toMatchObject({
        state: 'failed',
        failure: { code: 'not_shared', retryable: true },
      }),
    patience,
  );
  exit = 0;
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
});
