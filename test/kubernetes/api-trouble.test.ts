import { afterAll, beforeAll, beforeEach, afterEach, expect, test, vi } from 'vitest';
import type { KubernetesRegion } from '../../src/core/regions/kubernetes/kubernetes-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import type { FaultProxy } from './support/fault-proxy.ts';
import { keyFor, makeNamespace, manifest, openRegion, workloadOf } from './support/place.ts';

let plane: ControlPlane;
let proxy: FaultProxy;
let namespace: string;
let region: KubernetesRegion & AsyncDisposable;
let changed: string[];

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());
beforeEach(async () => {
  namespace = await makeNamespace(plane);
  proxy = await startFaultProxy(plane.url);
  changed = [];
  const kubeconfig = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  region = await openRegion(plane, namespace, { kubeconfig, changed: (what) => changed.push(what) });
});
afterEach(async () => {
  await region[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

const patience = { timeout: 30_000, interval: 100 };
const key = keyFor('team/tiny');

test.for([
  [401, 'region_unauthenticated', true],
  [403, 'region_forbidden', false],
  [500, 'region_error', true],
  [503, 'region_unreachable', true],
] as const)('an answer of %i is %s, and what follows it is not affected', async ([status, code, retryable]) => {
  proxy.fault = () => ({ status });
  await expect(region.observeWorkload(7)).rejects.toMatchObject({ code, retryable });
  proxy.fault = () => undefined;
  expect(await region.observeWorkload(7)).toEqual([]);
});

test('a server that asks to slow down is asked again after the pause that it names', async () => {
  let refused = 0;
  proxy.fault = (request) => (request.method === 'POST' && refused++ < 1 ? { status: 429, retryAfter: 1 } : undefined);
  await region.startDownload(key, manifest, 1, undefined);
  expect(refused).toBeGreaterThan(1);
  expect(await region.observeVolume(key)).toMatchObject({ state: 'downloading' });
});

test('a call that hangs ends at its time limit', async () => {
  proxy.fault = () => 'hang';
  await expect(region.observeWorkload(7)).rejects.toMatchObject({
    code: 'region_unreachable',
    message: expect.stringContaining('time limit') as string,
  });
}, 60_000);

test('a watch that is cut, or refused as too old, is taken up again and misses nothing', async () => {
  await region.observeWorkload(7);
  await region.applyWorkload(workloadOf(key));
  for (let round = 0; round < 2; round++) {
    proxy.fault = (request) => (request.url?.includes('watch=true') ? { status: 410 } : undefined);
    proxy.cutWatches();
    await plane.call(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/instance-7-eu`,
      { spec: { replicas: 5 } },
      'application/merge-patch+json',
    );
    proxy.fault = () => undefined;
    changed.length = 0;
    await vi.waitFor(() => expect(changed).toContain('instance 7'), patience);
    await region.applyWorkload(workloadOf(key));
  }
});

test('a region whose API server restarts goes on by itself', async () => {
  await region.applyWorkload(workloadOf(key));
  await plane.stopApiServer();
  await expect(region.startDownload(key, manifest, 1, undefined)).rejects.toMatchObject({ retryable: true });
  await plane.startApiServer();
  await vi.waitFor(async () => expect(await region.listWorkloads()).toEqual([7]), patience);
  changed.length = 0;
  await plane.call('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/instance-7-eu`);
  await vi.waitFor(() => expect(changed).toContain('instance 7'), patience);
});

test('a token that was rotated is read anew', async () => {
  await region.observeWorkload(7);
  // The cluster refuses once, as it would the old token.
  let refused = 0;
  proxy.fault = () => (refused++ === 0 ? { status: 401 } : undefined);
  await region.startDownload(key, manifest, 1, undefined);
  expect(await region.observeVolume(key)).toMatchObject({ state: 'downloading' });
});

test('a region that cannot be reached says so, and why', async () => {
  proxy.fault = () => 'cut';
  expect(await region.status()).toMatchObject({ reachable: false, reason: { code: 'region_unreachable' } });
});
