import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { dataFolderWith, engine, grantReader, makeNamespace, regionConfig, withdrawReader } from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;
let hub: Hub;

beforeAll(async () => {
  plane = await startControlPlane();
  nodes = await startNodes(plane, [
    { name: 'plain-1', labels: { pool: 'plain' } },
    { name: 'gpu-1', labels: { pool: 'gpu' }, accelerators: 2 },
  ]);
  hub = await startHub();
  for (const name of ['here', 'there', 'anywhere'])
    hub.addRepo(`team/${name}`, { files: { 'm.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

const patience = { timeout: 40_000, interval: 100 };
const accelerators = [{ name: 'h100', node_selector: { pool: 'gpu' } }];

async function open(more: object) {
  const kubeconfig = await plane.kubeconfig('ecolink');
  const region = { ...regionConfig(await makeNamespace(plane), { accelerators, ...more }), kubeconfig };
  const folder = await dataFolderWith({ regions: [region], runtimes: [engine] });
  const core = await startCore({
    dataDir: folder.dataDir,
    environment: { ECOLINK_CONFIG: folder.config, HF_ENDPOINT: hub.endpoint },
  });
  return { folder, core };
}

async function fetched(core: TestCore, name: string): Promise<void> {
  await core.run('register_model', { name, source: 'huggingface', repo: `team/${name}` });
  await core.run('prefetch_model', { model: name });
  await vi.waitFor(async () => {
    const { items } = (await core.run('list_cache', {})) as unknown as { items: { repo: string; state: string }[] };
    expect(items.find(({ repo }) => repo === `team/${name}`)).toMatchObject({ state: 'ready' });
  }, patience);
}

/** The plan's warnings about a volume that is out of reach for the accelerators. */
async function warned(core: TestCore, model: string, count = 1): Promise<string[]> {
  const asked = { model, accelerator: 'h100', accelerator_count: count };
  const { warnings } = (await core.run('plan_launch', asked)) as unknown as { warnings: string[] };
  return warnings.filter((each) => each.includes('is reached from'));
}

test('a plan warns of a volume on a node without the accelerators, if EcoLink may read nodes', async () => {
  await grantReader(plane);
  const { folder, core } = await open({});
  await using _folder = folder;
  await using _core = core;
  nodes.nodeLocal = 'plain-1';
  await fetched(core, 'here');
  nodes.nodeLocal = 'gpu-1';
  await fetched(core, 'there');
  nodes.nodeLocal = undefined;
  await fetched(core, 'anywhere');
  expect(await warned(core, 'here')).toEqual([expect.stringMatching(/from plain-1 alone, and 1 × h100 are not there/)]);
  expect(await warned(core, 'there', 2)).toEqual([]);
  expect(await warned(core, 'anywhere')).toEqual([]);
  expect(await core.run('plan_launch', { model: 'here' })).toMatchObject({ warnings: [] });
  await plane.call('DELETE', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/ecolink-reader');
  expect(await warned(core, 'here')).toEqual([]);
});

test('a plan warns of a volume that is mounted on a node without the accelerators', async () => {
  await grantReader(plane);
  const { folder, core } = await open({ access_mode: 'ReadWriteOnce' });
  await using _folder = folder;
  await using _core = core;
  await fetched(core, 'anywhere');
  expect(await warned(core, 'anywhere')).toEqual([]);
  await plane.call('PATCH', '/api/v1/nodes/gpu-1', { spec: { unschedulable: true } }, 'application/merge-patch+json');
  await core.run('launch_instance', { model: 'anywhere' });
  await vi.waitFor(
    async () => expect(await core.run('get_instance', { instance: '1' })).toMatchObject({ state: 'running' }),
    patience,
  );
  expect(await warned(core, 'anywhere')).toEqual([expect.stringContaining('from plain-1 alone')]);
  await withdrawReader(plane);
});
