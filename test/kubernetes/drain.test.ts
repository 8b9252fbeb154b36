import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { KubernetesRegion } from '../../src/core/regions/kubernetes/kubernetes-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { keyFor, makeNamespace, manifest, openRegion, workloadOf } from './support/place.ts';

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
  nodes.lost = () => false;
});

const patience = { timeout: 30_000, interval: 50 };
const key = keyFor('team/tiny');

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}

async function serve(region: KubernetesRegion): Promise<void> {
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect(await region.observeWorkload(7)).toMatchObject([{ state: 'ready' }]), patience);
}

test('what protects a replica stays as long as it is there', async () => {
  await using region = await openRegion(plane, namespace);
  await serve(region);
  const address = (await region.observeWorkload(7))[0]?.url;
  let hangs = true;
  nodes.lost = () => hangs;
  await region.removeWorkload(7);
  const leaving = async () => (await region.observeWorkload(7))[0];
  await vi.waitFor(async () => expect(await leaving()).toMatchObject({ state: 'stopping', address }), patience);
  expect((await leaving())?.url).toBeUndefined();
  await region.removeWorkload(7);
  expect(await list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toHaveLength(1);
  hangs = false;
  await vi.waitFor(async () => {
    await region.removeWorkload(7);
    expect(await region.observeWorkload(7)).toEqual([]);
  }, patience);
  expect(await list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toEqual([]);
  expect(await list('/api/v1/NS/services')).toEqual([]);
});

test('a replica whose node does not report is told from one that is not ready', async () => {
  await using region = await openRegion(plane, namespace);
  await serve(region);
  const silent = async () => (await region.observeWorkload(7))[0]?.silent;
  expect(await silent()).toBeUndefined();
  const pod = (await list<V1Pod>('/api/v1/NS/pods')).find((each) => each.metadata?.labels?.['ecolink.dev/instance']);
  const say = (conditions: object[]) =>
    plane.call(
      'PATCH',
      `/api/v1/namespaces/${namespace}/pods/${pod?.metadata?.name}/status`,
      { status: { conditions } },
      'application/strategic-merge-patch+json',
    );
  // As the node controller does it to the pods of a node that it has not heard of.
  await say([{ type: 'Ready', status: 'False' }]);
  await vi.waitFor(async () => expect(await silent()).toBe(true), patience);
  await say([{ type: 'ContainersReady', status: 'False' }]);
  await vi.waitFor(async () => expect(await silent()).toBeUndefined(), patience);
});
