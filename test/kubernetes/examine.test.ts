import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { examineRegion } from '../../src/core/regions/kubernetes/examine.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { makeNamespace, regionConfig } from './support/place.ts';

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
  expect((await examine()).map((finding) => finding.state)).toEqual(['ok', 'ok', 'ok']);
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
