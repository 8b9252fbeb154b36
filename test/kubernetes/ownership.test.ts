import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { keyFor, makeNamespace, manifest, openRegion, workloadOf } from './support/regions.ts';

let plane: ControlPlane;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());
beforeEach(async () => {
  namespace = await makeNamespace(plane);
});

const key = keyFor('team/tiny');

async function names(path: string): Promise<string[]> {
  const { items } = await plane.call<{ items: { metadata: { name: string } }[] }>(
    'GET',
    path.replace('NS', `namespaces/${namespace}`),
  );
  return items.map((each) => each.metadata.name);
}
const deployments = () => names('/apis/apps/v1/NS/deployments');

test('a second EcoLink with a store of its own neither sees nor removes what the first one made', async () => {
  await using first = await openRegion(plane, namespace);
  await first.applyWorkload(workloadOf(key));
  await using second = await openRegion(plane, namespace, { store: 'store_other' });
  const taken = { code: 'region_taken', nextStep: expect.stringContaining('delete lease ecolink-eu') as string };
  await expect(second.listWorkloads()).rejects.toMatchObject(taken);
  await expect(second.removeWorkload(7)).rejects.toMatchObject(taken);
  await expect(second.deleteVolume(key)).rejects.toMatchObject(taken);
  await expect(second.startDownload(key, manifest, 1, undefined)).rejects.toMatchObject(taken);
  expect(await deployments()).toEqual(['instance-7-eu']);
  expect(await second.status()).toMatchObject({ reachable: true, reason: { code: 'region_taken' } });
  expect(await first.status()).not.toHaveProperty('reason');
});

test('servers on one store share a region, whoever comes first', async () => {
  await using first = await openRegion(plane, namespace);
  await using second = await openRegion(plane, namespace);
  await Promise.all([first.listWorkloads(), second.listWorkloads()]);
  await first.applyWorkload(workloadOf(key));
  expect(await second.listWorkloads()).toEqual([7]);
});

test('two regions share a namespace without touching what is the other has', async () => {
  await using eu = await openRegion(plane, namespace);
  await using us = await openRegion(plane, namespace, { config: { name: 'us' } });
  await eu.applyWorkload(workloadOf(key));
  await us.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => {
    // What protects a pod stays as long as it does, if there was one already.
    await us.removeWorkload(7);
    expect(await us.listWorkloads()).toEqual([]);
  }, 30_000);
  expect(await deployments()).toEqual(['instance-7-eu']);
  expect(await names('/apis/coordination.k8s.io/v1/NS/leases')).toEqual(['ecolink-eu', 'ecolink-us']);
});

test('a region whose Lease went to another store while a server runs is left alone from its next look on', async () => {
  await using first = await openRegion(plane, namespace);
  await first.listWorkloads();
  const lease = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/ecolink-eu`;
  await plane.call('DELETE', lease);
  await using second = await openRegion(plane, namespace, { store: 'store_other' });
  await second.applyWorkload(workloadOf(key));
  await expect(first.listWorkloads()).rejects.toMatchObject({ code: 'region_taken' });
  await expect(first.removeWorkload(7)).rejects.toMatchObject({ code: 'region_taken' });
  expect(await deployments()).toEqual(['instance-7-eu']);
});

test('a read of the region takes nothing', async () => {
  await using region = await openRegion(plane, namespace);
  await region.status();
  expect(await names('/apis/coordination.k8s.io/v1/NS/leases')).toEqual([]);
});
