import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/core/base/clock.ts';
import { randomId } from '../../src/core/base/ids.ts';
import { plainWords } from '../../src/core/base/prose.ts';
import { checkRegion } from '../../src/core/regions/kubernetes/doctor/check-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import {
  grantReader,
  keyFor,
  makeNamespace,
  manifest,
  openRegion,
  readerGranted,
  regionConfig,
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
  namespace = await makeNamespace(plane, { reach: 'api-proxy' });
  nodes.rule = () => undefined;
});

async function check(more: Record<string, unknown> = {}, store = 'store_test') {
  const kubeconfig = await plane.kubeconfig('ecolink');
  const config = regionConfig(namespace, { kubeconfig, reach: 'api-proxy', ...more });
  const deps = { store, clock: systemClock, newId: randomId };
  const results = await checkRegion({ config, hubEndpoint: 'http://hub.test', ...deps });
  return results.map(({ fix, ...rest }) => (fix === undefined ? rest : { ...rest, fix: plainWords(fix) }));
}

const key = keyFor('team/tiny');
const saying = (part: string) => expect.stringContaining(part) as string;

async function left(): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  return (await plane.call<{ items: { metadata: { deletionTimestamp?: string } }[] }>('GET', path)).items.filter(
    (claim) => claim.metadata.deletionTimestamp === undefined,
  ).length;
}

test('a region without problems passes all checks, and nothing is left of the test pod', async () => {
  nodes.log = () => '{"hub":200}\n';
  expect((await check()).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  expect(await left()).toBe(0);
});

test('a Hub that pods cannot reach is a warning', async () => {
  nodes.log = () => '{"hub":"ENOTFOUND"}\n';
  expect((await check()).at(-1)).toMatchObject({
    state: 'warning',
    said: saying('ENOTFOUND'),
  });
});

test('an image that cannot be pulled is named', async () => {
  nodes.rule = () => ({ waiting: 'ErrImagePull', message: 'not found' });
  expect((await check()).at(-1)).toMatchObject({
    state: 'failed',
    said: expect.stringContaining('ecolink.test/ecolink:1') as string,
  });
  expect(await left()).toBe(0);
});

test('a missing context is reported before anything is tried', async () => {
  expect(await check({ context: 'elsewhere' })).toMatchObject([
    { state: 'failed', said: expect.stringContaining('"elsewhere"') as string },
  ]);
});

test('an image with a movable tag and a program in the kubeconfig are warnings', async () => {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/cat', interactiveMode: 'Never' };
  const given = JSON.parse(await readFile(await plane.kubeconfig('ecolink'), 'utf8')) as {
    users: { name: string; user: { token: string } }[];
  };
  const [user] = given.users;
  const credential = { ...exec, kind: 'ExecCredential', status: { token: user?.user.token } };
  const tokenFile = join(plane.dir, 'credential.json');
  await writeFile(tokenFile, JSON.stringify(credential));
  const kubeconfig = join(plane.dir, 'plugin.kubeconfig');
  const users = [{ name: user?.name, user: { exec: { ...exec, args: [tokenFile] } } }];
  await writeFile(kubeconfig, JSON.stringify({ ...given, users }));
  nodes.log = () => '{"hub":200}\n';
  const warned = (await check({ kubeconfig, ecolink_image: 'ecolink.test/ecolink' })).filter(
    ({ state }) => state !== 'ok',
  );
  expect(warned).toMatchObject([
    { state: 'warning', said: expect.stringContaining('/bin/cat') as string },
    { state: 'warning', said: expect.stringContaining('a node that has an old image keeps it') as string },
  ]);
});

test('with the ClusterRole, a missing class fails at once, and a class that retains volumes is a warning', async () => {
  await grantReader(plane);
  nodes.log = () => '{"hub":200}\n';
  expect((await check({ storage_class: 'missing' })).at(-1)).toMatchObject({
    state: 'failed',
    said: 'there is no storage class missing',
    fix: expect.stringContaining('stand-in') as string,
  });
  expect(await check({ storage_class: 'stand-in-retain' })).toContainEqual(
    expect.objectContaining({ state: 'warning', said: expect.stringContaining('evictions free nothing') as string }),
  );
  await withdrawReader(plane);
});

test('storage of one node is a warning if the region has accelerators', async () => {
  await grantReader(plane);
  nodes.nodeLocal = 'eu-1';
  nodes.log = () => '{"hub":200}\n';
  const accelerators = [{ name: 'h100', node_selector: { gpu: 'h100' } }];
  const told = expect.objectContaining({ state: 'warning', fix: 'Set node_local_storage: true.' }) as object;
  expect(await check({ accelerators })).toContainEqual(told);
  expect(await check({ accelerators, node_local_storage: true })).not.toContainEqual(told);
  nodes.nodeLocal = undefined;
  await withdrawReader(plane);
});

test('a region of another EcoLink is reported, and nothing is tried in it', async () => {
  await using other = await openRegion(plane, namespace, { store: 'store_other' });
  await other.listWorkloads();
  const fix = saying(`kubectl -n ${namespace} delete lease ecolink-eu`);
  for (const store of ['store_test', ''])
    expect(await check({}, store)).toEqual([{ state: 'failed', said: saying('belongs to another EcoLink'), fix }]);
  nodes.log = () => '{"hub":200}\n';
  expect((await check({}, 'store_other')).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
});

test("missing rights are listed by resource, with the cluster's name for the user", async () => {
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/ecolink`;
  const role = await plane.call<{ rules: { resources: string[] }[] }>('GET', path);
  const rules = role.rules.filter(({ resources }) => !['services', 'leases'].includes(resources[0] ?? ''));
  await plane.call('PATCH', path, { rules }, 'application/merge-patch+json');
  const fix = saying(
    `the namespace ${namespace}, with the rights for the API server's proxy, and bind it to that user: add the region (eu)`,
  );
  expect(await check()).toEqual([
    {
      state: 'failed',
      said: saying('as ecolink: EcoLink may not: get, list, watch, create, patch, delete services; get, create l'),
      fix,
    },
  ]);
  expect(await check({ namespace: 'not-there' })).toMatchObject([{ said: saying('or there is no such namespace') }]);
});

test('a user who may list namespaces learns that the namespace is missing', async () => {
  const kubeconfig = await plane.kubeconfig('admin');
  expect((await check({ kubeconfig, namespace: 'not-there' })).at(-1)).toEqual({
    state: 'failed',
    said: 'The namespace not-there of the region eu does not exist.',
    fix: saying('kubectl create namespace'),
  });
});

test('the result names an address that does not answer, and the contexts that exist', async () => {
  const kubeconfig = await plane.kubeconfig('ecolink', { server: 'https://127.0.0.1:1' });
  expect(await check({ kubeconfig })).toMatchObject([{ said: saying('https://127.0.0.1:1: ') }]);
  expect(await check({ context: 'elsewhere' })).toMatchObject([{ fix: saying('has: ecolink.') }]);
});

test.each([
  ['limitranges', { limits: [{ type: 'PersistentVolumeClaim', min: { storage: '10Gi' } }] }, {}, 'LimitRange'],
  ['resourcequotas', { hard: { persistentvolumeclaims: '0' } }, {}, 'quota'],
  ['configmaps', undefined, { priority_class: 'none-such' }, 'priority_class'],
])('a refusal by a rule of the cluster has a fix for that rule (%s)', async (resource, spec, more, fix) => {
  const path = `/api/v1/namespaces/${namespace}/${resource}`;
  if (spec) await plane.call('POST', path, { metadata: { name: 'rule' }, spec });
  // A quota has no effect before its status is set.
  if (resource === 'resourcequotas')
    await vi.waitFor(async () => expect(await plane.call('GET', `${path}/rule`)).toHaveProperty('status.hard'), {
      timeout: 20_000,
    });
  expect((await check(more)).at(-1)).toMatchObject({ state: 'failed', fix: saying(fix) });
});

test('a quota that counts limits admits pods with the limits of downloads', async () => {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const spec = { hard: { 'limits.cpu': '100', 'limits.memory': '100Gi' } };
  await plane.call('POST', path, { metadata: { name: 'rule' }, spec });
  await vi.waitFor(async () => expect(await plane.call('GET', `${path}/rule`)).toHaveProperty('status.hard'), {
    timeout: 20_000,
  });
  nodes.log = () => '{"hub":200}\n';
  expect((await check()).at(-1)).toMatchObject({ state: 'failed', fix: saying('download_resources') });
  const limits = { cpu: '2', memory: '1Gi' };
  const states = (await check({ download_resources: { limits } })).map(({ state }) => state);
  expect(states).toEqual(['ok', 'ok', 'ok']);
  await using region = await openRegion(plane, namespace, {
    config: { download_resources: { limits }, resources: { limits } },
  });
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), {
    timeout: 20_000,
  });
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect(await region.observeWorkload(7)).toMatchObject([{ state: 'ready' }]), {
    timeout: 20_000,
  });
});

test.each(readerGranted ? [] : ['the Role alone'])("with %s, a claim's events show a missing class", async () => {
  expect((await check({ storage_class: 'missing' })).at(-1)).toMatchObject({
    state: 'failed',
    said: saying('"missing" not found'),
    fix: saying('storage_class'),
  });
});

test('a missing ConfigMap is reported before the time limit', async () => {
  nodes.rule = () => 'hold';
  const checked = check({ ca_config_map: 'none-such' });
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const pod = await vi.waitFor(
    async () => {
      const [found] = (await plane.call<{ items: V1Pod[] }>('GET', pods)).items;
      expect(found?.spec?.nodeName).toBe('eu-1');
      return found;
    },
    { timeout: 20_000 },
  );
  // A kubelet repeats this event, so it is later than the scheduler's.
  await plane.call('POST', `/api/v1/namespaces/${namespace}/events`, {
    metadata: { name: 'not-mounted' },
    involvedObject: { kind: 'Pod', namespace, name: pod?.metadata?.name, uid: pod?.metadata?.uid },
    type: 'Warning',
    reason: 'FailedMount',
    lastTimestamp: new Date(Date.now() + 5000).toISOString(),
    message: 'MountVolume.SetUp failed for volume "authority" : configmap "none-such" not found',
  });
  expect((await checked).at(-1)).toMatchObject({
    said: saying('"none-such" not found'),
    fix: saying('ca_config_map'),
  });
});

test('a volume that cannot be written to is reported with the user and groups', async () => {
  const error = {
    kind: 'unavailable',
    code: 'folder_unreadable',
    message: 'EACCES: permission denied',
    next_step: '',
    retryable: true,
  };
  nodes.rule = () => ({ exit: 1 });
  nodes.log = () => `${JSON.stringify({ error })}\n`;
  expect((await check({ run_as: { user: 4000 } })).at(-1)).toMatchObject({
    said: saying('user 4000, group 1000, fsGroup 1000: EACCES'),
    fix: saying('run_as'),
  });
});

test("direct calls to pods are a warning, and a proxy's answer does not count as the Hub's", async () => {
  nodes.log = () => '{"hub":403}\n';
  const said = (await check({ reach: 'in-cluster' })).filter(({ state }) => state === 'warning');
  expect(said).toMatchObject([{ fix: saying('reach: api-proxy') }, { said: saying('(403)') }]);
});
