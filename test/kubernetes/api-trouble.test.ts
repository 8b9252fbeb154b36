import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test, vi } from 'vitest';
import type { KubernetesRegion } from '../../src/core/regions/kubernetes/kubernetes-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import type { FaultProxy } from './support/fault-proxy.ts';
import { keyFor, makeNamespace, manifest, openRegion, workloadOf } from './support/regions.ts';

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

async function count(path: string): Promise<number> {
  return (await plane.call<{ items: unknown[] }>('GET', `/${path.replace('NS', `namespaces/${namespace}`)}`)).items
    .length;
}

const patience = { timeout: 30_000, interval: 100 };
const key = keyFor('team/tiny');

test.for([
  [401, 'region_unauthenticated', true],
  [403, 'region_forbidden', false],
  [500, 'region_error', true],
  [503, 'region_unreachable', true],
] as const)('an answer of %i is %s and does not affect the next call', async ([status, code, retryable]) => {
  proxy.fault = () => ({ status });
  await expect(region.observeWorkload(7)).rejects.toMatchObject({ code, retryable });
  proxy.fault = () => undefined;
  expect(await region.observeWorkload(7)).toEqual([]);
});

test.for([
  [404, 'region_object_gone', true],
  [409, 'region_conflict', true],
  [410, 'region_outdated', true],
  [422, 'region_rejected', false],
  [500, 'region_error', true],
] as const)('a write answered with %i is %s, and a second try writes it once', async (given) => {
  const [status, code, retryable] = given;
  for (const kind of ['persistentvolumeclaims', 'jobs', 'configmaps', 'secrets']) {
    proxy.fault = ({ method, url }) => (method === 'POST' && url?.includes(`/${kind}?`) ? { status } : undefined);
    await expect(region.startDownload(key, manifest, 1, 'hf_secret')).rejects.toMatchObject({ code, retryable });
  }
  proxy.fault = () => undefined;
  await region.startDownload(key, manifest, 1, 'hf_secret');
  expect(await region.observeVolume(key)).toMatchObject({ state: 'downloading', attempt: 1 });
  for (const path of ['api/v1/NS/secrets', 'apis/batch/v1/NS/jobs', 'api/v1/NS/persistentvolumeclaims'])
    expect(await count(path)).toBe(1);
});

test.for([404, 409])('deleting an object that is gone or was created again (%i) is no error', async (status) => {
  await region.applyWorkload(workloadOf(key));
  proxy.fault = (request) => (request.method === 'DELETE' ? { status } : undefined);
  await expect(region.removeWorkload(7)).resolves.toBeUndefined();
});

test('a server that asks for a long pause is reported as busy at once', async () => {
  let asked = 0;
  proxy.fault = (request) => (request.method === 'POST' && asked++ >= 0 ? { status: 429, retryAfter: 60 } : undefined);
  const busy = { code: 'region_busy', retryable: true };
  await expect(region.startDownload(key, manifest, 1, undefined)).rejects.toMatchObject(busy);
  expect(asked).toBe(1);
});

test('a watch that ends with an error is started again', async () => {
  await region.listWorkloads();
  const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
  let told = 0;
  proxy.fault = ({ url }) =>
    url?.includes('watch=true') && told++ < 8
      ? { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: gone })}\n` }
      : undefined;
  proxy.cutWatches();
  await vi.waitFor(() => expect(told).toBeGreaterThanOrEqual(8), patience);
  changed.length = 0;
  await plane.call('POST', `/api/v1/namespaces/${namespace}/services`, {
    metadata: {
      name: 'instance-7-eu',
      labels: { 'app.kubernetes.io/managed-by': 'ecolink', 'ecolink.dev/region': 'eu', 'ecolink.dev/instance': '7' },
    },
    spec: { ports: [{ port: 80 }] },
  });
  await vi.waitFor(() => expect(changed).toContain('instance 7'), patience);
  expect(await region.listWorkloads()).toEqual([7]);
});

test('a call answered with 429 is repeated after the pause that the server names', async () => {
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

test('a watch that is cut, or refused as too old, is started again and misses nothing', async () => {
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

test('a region recovers by itself when its API server restarts', async () => {
  await region.applyWorkload(workloadOf(key));
  await plane.stopApiServer();
  await expect(region.startDownload(key, manifest, 1, undefined)).rejects.toMatchObject({ retryable: true });
  await plane.startApiServer();
  await vi.waitFor(async () => expect(await region.listWorkloads()).toEqual([7]), patience);
  changed.length = 0;
  await plane.call('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/instance-7-eu`);
  await vi.waitFor(() => expect(changed).toContain('instance 7'), patience);
});

test('a rotated token is read again without a restart', async () => {
  const rotated = join(plane.dir, `rotated-${namespace}`);
  const good = await readFile(await plane.kubeconfig('ecolink'), 'utf8');
  await writeFile(rotated, good.replace(/"token":"[^"]*"/, '"token":"old"'));
  await using other = await openRegion(plane, namespace, { kubeconfig: rotated });
  await expect(other.observeWorkload(7)).rejects.toMatchObject({ code: 'region_unauthenticated', retryable: true });
  await writeFile(rotated, good);
  expect(await other.observeWorkload(7)).toEqual([]);
});

test('the status of an unreachable region says why', async () => {
  proxy.fault = () => 'cut';
  expect(await region.status()).toMatchObject({ reachable: false, reason: { code: 'region_unreachable' } });
});
