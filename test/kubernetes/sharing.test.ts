import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import { keyFor, manifest, openRegion } from './support/regions.ts';
import { useNamespace } from './support/use-namespace.ts';

const cluster = useNamespace();
const jobs = () => cluster.list<V1Job>('/apis/batch/v1/NS/jobs');
const claims = () => cluster.list<V1PersistentVolumeClaim>('/api/v1/NS/persistentvolumeclaims');

const patience = { timeout: 20_000, interval: 50 };
const older = keyFor('team/tiny');
const newer = keyFor('team/tiny, second commit');
const second = { ...manifest, commit: 'b'.repeat(40) };

async function regionWithVolume(config: Record<string, unknown> = {}) {
  cluster.nodes.rule = () => undefined;
  const region = await openRegion(cluster.plane, cluster.namespace, { config });
  await region.startDownload(older, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(older)).toMatchObject({ state: 'ready' }), patience);
  return region;
}

const jobOf = async (key: string, attempt: number) =>
  (await jobs()).find(({ metadata }) => metadata?.name === `${key}-${attempt}`);

test('the pod of a download mounts the older claim read-only, and its own for writing', async () => {
  await using region = await regionWithVolume();
  await region.startDownload(newer, second, 1, undefined, undefined, [older, keyFor('not there')]);
  const pod = (await jobOf(newer, 1))?.spec?.template.spec;
  const container = pod?.containers[0];
  expect(container?.args?.join(' ')).toContain(`--from /donors/${older}`);
  expect(container?.args?.join(' ')).not.toContain(keyFor('not there'));
  expect(container?.volumeMounts).toContainEqual({ name: 'donor-0', mountPath: `/donors/${older}`, readOnly: true });
  expect(pod?.volumes).toContainEqual({
    name: 'donor-0',
    persistentVolumeClaim: { claimName: older, readOnly: true },
  });
  expect(new Set((await claims()).map(({ metadata }) => metadata?.name))).toEqual(new Set([newer, older]));
});

test.each([
  ['only one node at a time can mount a volume', { access_mode: 'ReadWriteOnce' }],
  ['a volume stays on its node', { node_local_storage: true }],
])('the pod mounts no other claim where %s', async (_, config) => {
  await using region = await regionWithVolume(config);
  await region.startDownload(newer, second, 1, undefined, undefined, [older]);
  expect((await jobOf(newer, 1))?.spec?.template.spec?.containers[0]?.args).not.toContain('--from');
});

test('a download whose older claim is deleted before its pod starts is started again without it', async () => {
  await using region = await regionWithVolume();
  cluster.nodes.rule = () => 'hold';
  await region.startDownload(newer, second, 1, undefined, undefined, [older]);
  expect(await region.observeVolume(newer)).toMatchObject({ state: 'downloading' });
  // The pod keeps the claim, and would never start with it.
  await region.deleteVolume(older).catch(() => {});
  await vi.waitFor(
    async () => expect(await region.observeVolume(newer)).toMatchObject({ failure: { code: 'interrupted' } }),
    patience,
  );
  await region.startDownload(newer, second, 2, undefined, undefined, [older]);
  expect((await jobOf(newer, 2))?.spec?.template.spec?.containers[0]?.args).not.toContain('--from');
});

const clones = { access_mode: 'ReadWriteOnce', share: 'clone' };

const claimOf = async (name: string) => (await claims()).find(({ metadata }) => metadata?.name === name);

test('where the storage makes clones, the new claim begins as a copy of the older one', async () => {
  await using region = await regionWithVolume(clones);
  cluster.nodes.rule = (pod) => (pod.metadata?.labels?.['ecolink.dev/attempt'] ? 'hold' : undefined);
  await region.startDownload(newer, second, 1, undefined, undefined, [keyFor('not there'), older]);
  const [donor, claim] = [await claimOf(older), await claimOf(`${newer}-fill`)];
  expect(claim?.spec).toMatchObject({
    accessModes: ['ReadWriteOnce'],
    dataSource: { kind: 'PersistentVolumeClaim', name: older },
  });
  expect(claim?.spec?.storageClassName).toBe(donor?.spec?.storageClassName);
  expect((await jobOf(newer, 1))?.metadata?.annotations).toMatchObject({ 'ecolink.dev/cloned-from': older });
  // The copy is in the pod's own volume, so it mounts no other claim.
  expect((await jobOf(newer, 1))?.spec?.template.spec?.containers[0]?.args).not.toContain('--from');
});

test('a clone of a larger volume is as large', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace, { config: clones });
  cluster.nodes.rule = () => undefined;
  const large = { ...manifest, files: [{ path: 'a.gguf', size: 40e9, blob_id: 'a'.repeat(40) }] };
  await region.startDownload(older, large, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(older)).toMatchObject({ state: 'ready' }), patience);
  cluster.nodes.rule = () => 'hold';
  await region.startDownload(newer, second, 1, undefined, undefined, [older]);
  const [donor, claim] = [await claimOf(older), await claimOf(`${newer}-fill`)];
  expect(claim?.spec?.resources?.requests).toEqual(donor?.spec?.resources?.requests);
});

test('if the older claim is deleted before it was copied, the next attempt has an empty claim', async () => {
  await using region = await regionWithVolume(clones);
  cluster.nodes.clones = false;
  await region.startDownload(newer, second, 1, undefined, undefined, [older]);
  await region.deleteVolume(older);
  await vi.waitFor(
    async () => expect(await region.observeVolume(newer)).toMatchObject({ failure: { code: 'not_shared' } }),
    patience,
  );
  cluster.nodes.clones = true;
  await vi.waitFor(() => region.startDownload(newer, second, 2, undefined, undefined, [older]), patience);
  expect((await claimOf(`${newer}-fill`))?.spec?.dataSource).toBeUndefined();
  expect((await jobOf(newer, 2))?.metadata?.annotations).not.toHaveProperty('ecolink.dev/cloned-from');
});

test('the ended download of a newer volume does not keep the older claim', async () => {
  await using region = await regionWithVolume();
  await region.startDownload(newer, second, 1, undefined, undefined, [older]);
  await vi.waitFor(async () => expect(await region.observeVolume(newer)).toMatchObject({ state: 'ready' }), patience);
  expect(await jobOf(newer, 1)).toBeDefined();
  await region.deleteVolume(older);
  expect((await claims()).map(({ metadata }) => metadata?.name)).toEqual([newer]);
  expect(await region.observeVolume(newer)).toMatchObject({ state: 'ready' });
  expect(await jobOf(newer, 1)).toBeUndefined();
});
