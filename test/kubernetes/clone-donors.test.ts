import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import { keyFor, manifest, openRegion } from './support/regions.ts';
import { useNamespace } from './support/use-namespace.ts';

const cluster = useNamespace();
const claims = () => cluster.list<V1PersistentVolumeClaim>('/api/v1/NS/persistentvolumeclaims');
const claimOf = async (name: string) => (await claims()).find(({ metadata }) => metadata?.name === name);
const argsOf = async (name: string) =>
  (await cluster.list<V1Job>('/apis/batch/v1/NS/jobs')).find(({ metadata }) => metadata?.name === name)?.spec?.template
    .spec?.containers[0]?.args;

const patience = { timeout: 20_000, interval: 50 };
const config = { access_mode: 'ReadWriteOnce', share: 'clone' };
const older = keyFor('team/tiny');
const newer = keyFor('team/tiny, second commit');
const fill = `${newer}-fill`;
const second = { ...manifest, commit: 'b'.repeat(40) };

/** A region with the volume of the first commit. It has the files for a second one. */
async function regionWithVolume(more: Record<string, unknown> = {}) {
  const region = await openRegion(cluster.plane, cluster.namespace, { config: { ...config, ...more } });
  await region.startDownload(older, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(older)).toMatchObject({ state: 'ready' }), patience);
  return region;
}

const startNewer = (region: Awaited<ReturnType<typeof regionWithVolume>>, attempt = 1) =>
  region.startDownload(newer, second, attempt, undefined, undefined, [keyFor('not there'), older]);

test('the claim of a new commit is a clone of the older one, and the download is told', async () => {
  await using region = await regionWithVolume();
  await startNewer(region);
  expect((await claimOf(fill))?.spec).toMatchObject({
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'stand-in',
    dataSource: { kind: 'PersistentVolumeClaim', name: older },
  });
  expect(await argsOf(`${newer}-1`)).toContain('--cloned');
  await vi.waitFor(async () => expect(await region.observeVolume(newer)).toMatchObject({ state: 'ready' }), patience);
  expect(new Set((await claims()).map(({ metadata }) => metadata?.name))).toEqual(new Set([newer, older]));
});

test('a clone is as large as its donor, which the storage has rounded up', async () => {
  cluster.nodes.capacity = '10Gi';
  await using region = await regionWithVolume();
  await startNewer(region);
  expect((await claimOf(fill))?.spec?.resources?.requests).toEqual({ storage: '10Gi' });
});

test('a claim of another class is not cloned', async () => {
  await using region = await regionWithVolume();
  await using moved = await openRegion(cluster.plane, cluster.namespace, {
    config: { ...config, storage_class: 'stand-in-retain' },
  });
  await startNewer(moved);
  expect((await claimOf(fill))?.spec?.dataSource).toBeUndefined();
  expect(await argsOf(`${newer}-1`)).not.toContain('--cloned');
  await region.stopDownload(newer);
});

test('the region says that the storage clones, while it does', async () => {
  await using region = await regionWithVolume();
  cluster.nodes.provides = () => false;
  await startNewer(region);
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(newer)).toMatchObject({
        state: 'downloading',
        reason: { message: expect.stringContaining('The storage clones a volume with equal files.') },
      }),
    patience,
  );
});

test('if the older claim goes before it is cloned, the next attempt fetches all files into an empty claim', async () => {
  await using region = await regionWithVolume();
  cluster.nodes.provides = ({ spec }) => spec?.dataSource?.name !== older;
  await startNewer(region);
  const clone = await claimOf(fill);
  await region.deleteVolume(older);
  await vi.waitFor(
    async () =>
      expect(await region.observeVolume(newer)).toMatchObject({
        state: 'failed',
        failure: { code: 'interrupted', retryable: true, message: expect.stringContaining('was deleted') },
      }),
    patience,
  );
  await startNewer(region, 2);
  const empty = await claimOf(fill);
  expect(empty?.spec?.dataSource).toBeUndefined();
  expect(empty?.metadata?.uid).not.toBe(clone?.metadata?.uid);
  expect(await argsOf(`${newer}-2`)).not.toContain('--cloned');
  await vi.waitFor(async () => expect(await region.observeVolume(newer)).toMatchObject({ state: 'ready' }), patience);
});

test('a storage that refuses to clone is given up after ten minutes, with its own words', async () => {
  await using region = await regionWithVolume();
  cluster.nodes.provides = ({ spec }) => spec?.dataSource?.name !== older;
  await startNewer(region);
  const clone = await claimOf(fill);
  await cluster.plane.call('POST', `/api/v1/namespaces/${cluster.namespace}/events`, {
    metadata: { generateName: 'clone-' },
    type: 'Warning',
    reason: 'ProvisioningFailed',
    message: 'the driver does not clone volumes',
    lastTimestamp: new Date().toISOString(),
    involvedObject: {
      kind: 'PersistentVolumeClaim',
      name: fill,
      uid: clone?.metadata?.uid,
      namespace: cluster.namespace,
    },
  });
  expect(await region.observeVolume(newer)).toMatchObject({ state: 'downloading' });
  const later = { now: () => new Date(Date.now() + 11 * 60_000) };
  await using patient = await openRegion(cluster.plane, cluster.namespace, { config, clock: later });
  const failure = { message: expect.stringContaining('the driver does not clone volumes') };
  expect(await patient.observeVolume(newer)).toMatchObject({ state: 'failed', failure });
  await startNewer(patient, 2);
  expect((await claimOf(fill))?.spec?.dataSource).toBeUndefined();
});
