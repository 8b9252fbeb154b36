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

test('a second EcoLink with another store neither sees nor removes objects of the first', async () => {
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

test('servers with one store share a region, in any order', async () => {
  await using first = await openRegion(plane, namespace);
  await using second = await openRegion(plane, namespace);
  await Promise.all([first.listWorkloads(), second.listWorkloads()]);
  await first.applyWorkload(workloadOf(key));
  expect(await second.listWorkloads()).toEqual([7]);
});

test("two regions share a namespace and do not touch each other's objects", async () => {
  await using eu = await openRegion(plane, namespace);
  await using us = await openRegion(plane, namespace, { config: { name: 'us' } });
  await eu.applyWorkload(workloadOf(key));
  await us.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => {
    // The objects that protect a pod stay as long as the pod, if there was one already.
    await us.removeWorkload(7);
    expect(await us.listWorkloads()).toEqual([]);
  }, 30_000);
  expect(await deployments()).toEqual(['instance-7-eu']);
  expect(await names('/apis/coordination.k8s.io/v1/NS/leases')).toEqual(['ecolink-eu', 'ecolink-us']);
});

test('if the Lease goes to another store, a running server leaves the region alone at its next look', async () => {
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

test("reading a region's status does not take the region", async () => {
  await using region = await openRegion(plane, namespace);
  await region.status();
  expect(await names('/apis/coordination.k8s.io/v1/NS/leases')).toEqual([]);
});
