import type { V1Pod } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import type { KubernetesRegion } from '../../src/core/regions/kubernetes/kubernetes-region.ts';
import { keyFor, manifest, openRegion, workloadOf } from './support/regions.ts';
import { useNamespace } from './support/use-namespace.ts';

const cluster = useNamespace();
const patience = { timeout: 30_000, interval: 50 };
const key = keyFor('team/tiny');

async function serve(region: KubernetesRegion): Promise<void> {
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect(await region.observeWorkload(7)).toMatchObject([{ state: 'ready' }]), patience);
}

test('the objects that protect a replica stay as long as the replica', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace);
  await serve(region);
  const address = (await region.observeWorkload(7))[0]?.url;
  let hangs = true;
  cluster.nodes.lost = () => hangs;
  await region.removeWorkload(7);
  const leaving = async () => (await region.observeWorkload(7))[0];
  await vi.waitFor(async () => expect(await leaving()).toMatchObject({ state: 'stopping', address }), patience);
  expect((await leaving())?.url).toBeUndefined();
  await region.removeWorkload(7);
  expect(await cluster.list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toHaveLength(1);
  hangs = false;
  await vi.waitFor(async () => {
    await region.removeWorkload(7);
    expect(await region.observeWorkload(7)).toEqual([]);
  }, patience);
  expect(await cluster.list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toEqual([]);
  expect(await cluster.list('/api/v1/NS/services')).toEqual([]);
});

test('a replica on a silent node differs from one that is not ready', async () => {
  await using region = await openRegion(cluster.plane, cluster.namespace);
  await serve(region);
  const silent = async () => (await region.observeWorkload(7))[0]?.silent;
  expect(await silent()).toBeUndefined();
  const pod = (await cluster.list<V1Pod>('/api/v1/NS/pods')).find(
    (each) => each.metadata?.labels?.['ecolink.dev/instance'],
  );
  const say = (conditions: object[]) =>
    cluster.plane.call(
      'PATCH',
      `/api/v1/namespaces/${cluster.namespace}/pods/${pod?.metadata?.name}/status`,
      { status: { conditions } },
      'application/strategic-merge-patch+json',
    );
  // As the node controller does to the pods of a silent node.
  await say([{ type: 'Ready', status: 'False' }]);
  await vi.waitFor(async () => expect(await silent()).toBe(true), patience);
  await say([{ type: 'ContainersReady', status: 'False' }]);
  await vi.waitFor(async () => expect(await silent()).toBeUndefined(), patience);
});
