import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { examineRegion } from '../../src/core/regions/kubernetes/examine.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { grantReader, makeNamespace, regionConfig, withdrawReader } from './support/place.ts';

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
  nodes.rule = () => undefined;
});

async function examine(more: Record<string, unknown> = {}) {
  const kubeconfig = await plane.kubeconfig('ecolink');
  return examineRegion(regionConfig(namespace, { kubeconfig, ...more }), 'http://hub.test');
}

async function left(): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  return (await plane.call<{ items: { metadata: { deletionTimestamp?: string } }[] }>('GET', path)).items.filter(
    (claim) => claim.metadata.deletionTimestamp === undefined,
  ).length;
}

test('a region that has all it needs says so, and keeps nothing of the try', async () => {
  nodes.log = () => '{"hub":200}\n';
  expect((await examine()).map((finding) => finding.state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  expect(await left()).toBe(0);
});

test('a Hub that pods cannot reach is a warning, with the way out', async () => {
  nodes.log = () => '{"hub":"ENOTFOUND"}\n';
  expect((await examine()).at(-1)).toMatchObject({
    state: 'warning',
    said: expect.stringContaining('ENOTFOUND') as string,
  });
});

test('an image that cannot be pulled is named', async () => {
  nodes.rule = () => ({ waiting: 'ErrImagePull', message: 'not found' });
  expect((await examine()).at(-1)).toMatchObject({
    state: 'failed',
    said: expect.stringContaining('ecolink.test/ecolink:1') as string,
  });
  expect(await left()).toBe(0);
});

test('a context that is not there is told before anything is tried', async () => {
  expect(await examine({ context: 'elsewhere' })).toMatchObject([
    { state: 'failed', said: expect.stringContaining('"elsewhere"') as string },
  ]);
});

test('an image that may change under its name, and a program that the kubeconfig calls, are warned of', async () => {
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
  const warned = (await examine({ kubeconfig, ecolink_image: 'ecolink.test/ecolink' })).filter(
    ({ state }) => state !== 'ok',
  );
  expect(warned).toMatchObject([
    { state: 'warning', said: expect.stringContaining('/bin/cat') as string },
    { state: 'warning', said: expect.stringContaining('nodes that have an old one keep it') as string },
  ]);
});

test('with the ClusterRole a class that is missing is told at once, and one that keeps its volumes is warned of', async () => {
  await grantReader(plane);
  nodes.log = () => '{"hub":200}\n';
  expect((await examine({ storage_class: 'missing' })).at(-1)).toMatchObject({
    state: 'failed',
    said: 'there is no storage class missing',
    fix: expect.stringContaining('stand-in') as string,
  });
  expect(await examine({ storage_class: 'stand-in-retain' })).toContainEqual(
    expect.objectContaining({ state: 'warning', said: expect.stringContaining('evictions free nothing') as string }),
  );
  await withdrawReader(plane);
});

test('storage of one node is noticed where there are accelerators', async () => {
  await grantReader(plane);
  nodes.nodeLocal = 'eu-1';
  nodes.log = () => '{"hub":200}\n';
  const accelerators = [{ name: 'h100', node_selector: { gpu: 'h100' } }];
  const told = expect.objectContaining({ state: 'warning', fix: 'Set node_local_storage: true.' }) as object;
  expect(await examine({ accelerators })).toContainEqual(told);
  expect(await examine({ accelerators, node_local_storage: true })).not.toContainEqual(told);
  nodes.nodeLocal = undefined;
  await withdrawReader(plane);
});
