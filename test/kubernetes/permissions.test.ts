import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { grantReader, makeNamespace, openRegion, readerGranted, withdrawReader } from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  nodes = await startNodes(plane, [{ name: 'eu-1', accelerators: 8, labels: { gpu: 'h100' } }]);
});
afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = await makeNamespace(plane);
});

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const accelerators = [{ name: 'h100', node_selector: { gpu: 'h100' } }];

// Only for the run without the ClusterRole. In the other run this test does not exist.
test.each(readerGranted ? [] : ['the Role alone'])(
  'with %s no right is missing, and cluster-scoped objects are unknown',
  async () => {
    await using region = await openRegion(plane, namespace, { config: { accelerators } });
    expect(await region.status()).toEqual({
      reachable: true,
      version: expect.stringMatching(/^v1\./) as string,
      accelerators: [{ name: 'h100', total: null, free: null }],
    });
  },
);

test('with the optional ClusterRole, accelerators are counted and the default storage class is known', async () => {
  await grantReader(plane);
  await using region = await openRegion(plane, namespace, { config: { accelerators } });
  expect(await region.status()).toMatchObject({
    accelerators: [{ name: 'h100', total: 8, free: 8 }],
    storageClass: 'stand-in',
  });
  await withdrawReader(plane);
});

test('a missing right is named', async () => {
  const path = `${rbac}/namespaces/${namespace}/roles/ecolink`;
  const role = await plane.call<{ rules: { resources: string[] }[] }>('GET', path);
  const rules = role.rules.filter((rule) => !rule.resources.includes('secrets'));
  await plane.call('PATCH', path, { rules }, 'application/merge-patch+json');
  await using region = await openRegion(plane, namespace);
  expect(await region.status()).toMatchObject({
    reachable: true,
    missingPermissions: ['create secrets', 'delete secrets'],
    reason: { code: 'region_forbidden' },
  });
});
