import type { V1Job, V1Pod, V1Secret } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import {
  dataFolderWith,
  engine,
  grantReader,
  makeNamespace,
  readerGranted,
  regionConfig,
  withdrawReader,
} from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;
let hub: Hub;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  const at = (region: string) => ({ 'topology.kubernetes.io/region': region });
  nodes = await startNodes(plane, [
    { name: 'eu-1', labels: at('eu'), accelerators: 2 },
    { name: 'us-1', labels: at('us') },
  ]);
  hub = await startHub();
  hub.addRepo('team/tiny', {
    files: { 'tiny.gguf': makeTinyGguf() },
    pipeline_tag: 'text-generation',
  });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = await makeNamespace(plane);
  nodes.rule = () => undefined;
  nodes.lost = () => false;
  nodes.digest = () => undefined;
});

interface InstanceView {
  state: string;
  regions: {
    region: string;
    state: string;
    ready: number;
    image?: string;
    reason?: { code: string; message: string };
  }[];
}

const patience = { timeout: 40_000, interval: 100 };
const names = ['eu', 'us'];

/** Two regions in one namespace, with different node selectors. */
async function configFile(usKubeconfig?: string): Promise<object> {
  const kubeconfig = await plane.kubeconfig('ecolink');
  const regions = names.map((name) => ({
    ...regionConfig(namespace),
    name,
    kubeconfig: name === 'us' ? (usKubeconfig ?? kubeconfig) : kubeconfig,
    node_selector: { 'topology.kubernetes.io/region': name },
  }));
  return { regions, runtimes: [engine], default_regions: 2 };
}

async function open(folder: { dataDir: string; config: string }): Promise<TestCore> {
  const environment = { ECOLINK_CONFIG: folder.config, HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_test' };
  hub.addToken('hf_test');
  return startCore({ dataDir: folder.dataDir, environment });
}

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}

async function look(core: TestCore): Promise<InstanceView> {
  return (await core.run('get_instance', { instance: '1' })) as unknown as InstanceView;
}

async function launch(core: TestCore): Promise<void> {
  await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
  await core.run('launch_instance', { model: 'tiny' });
}

test('a launch downloads once per region and serves in both; after its end nothing is left', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  await launch(core);
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  expect(await list<V1Job>('/apis/batch/v1/NS/jobs')).toHaveLength(2);
  expect(await list<V1Secret>('/api/v1/NS/secrets')).toEqual([]);
  const pods = await list<V1Pod>('/api/v1/NS/pods');
  for (const pod of pods) expect(pod.spec?.nodeName).toBe(`${pod.metadata?.labels?.['ecolink.dev/region']}-1`);
  const route = await core.core.routes.findById(1, core.local);
  expect(route.replicas).toHaveLength(2);

  await core.run('launch_instance', { model: 'tiny', regions: ['eu'], replicas: 2 });
  await vi.waitFor(
    async () => expect(await core.run('get_instance', { instance: '2' })).toMatchObject({ state: 'running' }),
    patience,
  );
  expect(await list<V1Job>('/apis/batch/v1/NS/jobs')).toHaveLength(2);

  for (const instance of ['1', '2']) await core.run('stop_instance', { instance });
  for (const instance of ['1', '2']) {
    await vi.waitFor(
      async () => expect(await core.run('get_instance', { instance })).toMatchObject({ state: 'stopped' }),
      patience,
    );
    await core.run('delete_instance', { instance });
  }
  await core.run('evict_cache', { model: 'tiny' });
  for (const kind of ['apps/v1/NS/deployments', 'batch/v1/NS/jobs', 'networking.k8s.io/v1/NS/networkpolicies'])
    expect(await list(`/apis/${kind}`)).toEqual([]);
  expect(await list('/api/v1/NS/persistentvolumeclaims')).toEqual([]);
  expect(await list('/api/v1/NS/services')).toEqual([]);
});

async function cached(core: TestCore): Promise<string[]> {
  const { items } = (await core.run('list_cache', {})) as unknown as { items: { state: string }[] };
  return items.map(({ state }) => state);
}

test('the list of volumes says which classes keep bytes, with one request for all volumes', async () => {
  await grantReader(plane);
  await using proxy = await startFaultProxy(plane.url);
  const kubeconfig = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  const regions = names.map((name) => ({
    ...regionConfig(namespace, name === 'eu' ? { storage_class: 'stand-in-retain' } : {}),
    name,
    kubeconfig,
  }));
  await using folder = await dataFolderWith({ regions, runtimes: [engine] });
  await using core = await open(folder);
  hub.addRepo('team/more', { files: { 'more.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
  for (const name of ['tiny', 'more']) {
    await core.run('register_model', { name, source: 'huggingface', repo: `team/${name}` });
    await core.run('prefetch_model', { model: name, regions: names });
  }
  const shown = async () => {
    const { items } = (await core.run('list_cache', {})) as unknown as {
      items: { region: string; state: string; kept_after_eviction?: true }[];
    };
    return items.map((each) => [each.region, each.state, String(each.kept_after_eviction ?? 'freed')].join(' ')).sort();
  };
  const kept = ['eu ready true', 'eu ready true', 'us ready freed', 'us ready freed'];
  await vi.waitFor(async () => expect(await shown()).toEqual(kept), patience);
  expect(proxy.requests.filter((each) => each.includes('storageclasses'))).toHaveLength(regions.length);
  // A region that hangs does not delay the list, and the known classes stay.
  proxy.fault = () => 'hang';
  expect(await shown()).toEqual(kept);
  await withdrawReader(plane);
});

test('if somebody deletes the claim of a stopped instance, its Jobs go too, and a restart downloads it again', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
  await core.run('launch_instance', { model: 'tiny', regions: ['eu'] });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  await core.run('stop_instance', { instance: '1' });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('stopped'), patience);
  await plane.call('DELETE', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
  await vi.waitFor(async () => {
    expect(await list('/api/v1/NS/persistentvolumeclaims')).toEqual([]);
    expect(await list('/apis/batch/v1/NS/jobs')).toEqual([]);
    expect(await cached(core)).toEqual([]);
  }, patience);
  await core.run('restart_instance', { instance: '1' });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
});

test('replicas go on serving from a deleted claim, and the instance says so', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
  await core.run('launch_instance', { model: 'tiny', regions: ['eu'] });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  const [before] = await enginePods();
  await plane.call('DELETE', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
  await vi.waitFor(
    async () =>
      expect((await look(core)).regions).toMatchObject([
        { state: 'degraded', ready: 1, reason: { code: 'volume_deleting' } },
      ]),
    patience,
  );
  expect(await cached(core)).toEqual(['evicting']);
  expect((await enginePods()).map((pod) => pod.metadata?.uid)).toEqual([before?.metadata?.uid]);
  await core.run('stop_instance', { instance: '1' });
  await vi.waitFor(async () => expect(await cached(core)).toEqual([]), patience);
  await core.run('restart_instance', { instance: '1' });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
});

const digests = { a: `sha256:${'a'.repeat(64)}`, b: `sha256:${'b'.repeat(64)}` };

async function enginePods(): Promise<V1Pod[]> {
  const pods = await list<V1Pod>('/api/v1/NS/pods');
  return pods.filter((pod) => pod.spec?.restartPolicy !== 'Never' && pod.metadata?.deletionTimestamp === undefined);
}

async function engineImages(): Promise<(string | undefined)[]> {
  return (await enginePods()).map((pod) => pod.spec?.containers[0]?.image);
}

test('an instance keeps its first image: it reports a moved tag, and a restart uses the first image', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  nodes.digest = () => digests.a;
  await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
  await core.run('launch_instance', { model: 'tiny', regions: ['eu'] });
  const eu = async () => (await look(core)).regions[0];
  await vi.waitFor(async () => expect(await eu()).toMatchObject({ image: `${engine.image}@${digests.a}` }), patience);

  const [first] = await enginePods();
  nodes.digest = (image) => (image.includes('@') ? digests.a : digests.b);
  await core.run('scale_instance', { instance: '1', replicas: 2 });
  await vi.waitFor(
    async () => expect(await eu()).toMatchObject({ state: 'running', ready: 2, reason: { code: 'image_moved' } }),
    patience,
  );
  expect(new Set(await engineImages())).toEqual(new Set([engine.image]));
  // A scale replaces no running replica.
  expect((await enginePods()).map((pod) => pod.metadata?.uid)).toContain(first?.metadata?.uid);

  await core.run('restart_instance', { instance: '1' });
  const pinned = `${engine.image}@${digests.a}`;
  await vi.waitFor(async () => {
    expect(await engineImages()).toEqual([pinned, pinned]);
    expect(await eu()).toMatchObject({ state: 'running', ready: 2, image: pinned });
    expect((await eu())?.reason).toBeUndefined();
  }, patience);
});

test('more accelerators than a node has are refused if EcoLink may count them; otherwise the launch waits', async () => {
  const asked = { model: 'tiny', regions: ['eu'], accelerator: 'h100', accelerator_count: 3 };
  for (const user of ['ecolink', 'admin'] as const) {
    const kubeconfig = await plane.kubeconfig(user);
    const region = { ...regionConfig(namespace, { accelerators: [{ name: 'h100' }] }), kubeconfig };
    await using folder = await dataFolderWith({ regions: [region], runtimes: [engine] });
    await using core = await open(folder);
    await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
    const planned = core.run('plan_launch', asked);
    if (user === 'ecolink' && !readerGranted)
      expect(await planned).toMatchObject({ regions: [{ accelerator_count: 3 }] });
    else await expect(planned).rejects.toMatchObject({ code: 'not_enough_accelerators' });
    await core.run('plan_launch', { ...asked, accelerator_count: 2 });
  }
});

test('a restart with another model keeps the model id and serves from the other volume', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  hub.addRepo('team/other', { files: { 'other.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
  await core.run('register_model', { name: 'other', source: 'huggingface', repo: 'team/other' });
  await core.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'team/tiny' });
  await core.run('launch_instance', { model: 'tiny', regions: ['eu'] });
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  const before = await list<V1Pod>('/api/v1/NS/pods');
  await core.run('restart_instance', { instance: '1', model: 'other' });
  await vi.waitFor(async () => {
    expect(await core.run('get_instance', { instance: '1' })).toMatchObject({
      state: 'running',
      model_id: 'tiny:1',
      model: 'other',
    });
    const serving = (await list<V1Pod>('/api/v1/NS/pods')).filter((pod) => pod.spec?.restartPolicy !== 'Never');
    expect(serving).toHaveLength(1);
    const names = before.map((pod) => pod.metadata?.name);
    expect(names).not.toContain(serving[0]?.metadata?.name);
    const args = serving[0]?.spec?.containers[0]?.args ?? [];
    expect(args).toContain('/model/other.gguf');
    expect(args).toContain('tiny:1');
  }, patience);
});

test('if one region cannot run an instance, the other serves, and the instance says where and why', async () => {
  await using folder = await dataFolderWith(await configFile());
  await using core = await open(folder);
  nodes.rule = (pod) =>
    pod.spec?.restartPolicy !== 'Never' && pod.metadata?.labels?.['ecolink.dev/region'] === 'us'
      ? { waiting: 'ErrImagePull', message: 'not found' }
      : undefined;
  await launch(core);
  await vi.waitFor(async () => {
    const { state, regions } = await look(core);
    expect(state).toBe('degraded');
    expect(regions.find((each) => each.region === 'us')).toMatchObject({
      state: 'failed',
      reason: { code: 'image_pull_failed' },
    });
  }, patience);
});

test('a restarted server finds everything and creates nothing twice', async () => {
  await using folder = await dataFolderWith(await configFile());
  {
    await using core = await open(folder);
    await launch(core);
    await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  }
  const before = await list<V1Pod>('/api/v1/NS/pods');
  await using core = await open(folder);
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  const after = await list<V1Pod>('/api/v1/NS/pods');
  expect(after.map((pod) => pod.metadata?.uid)).toEqual(before.map((pod) => pod.metadata?.uid));
});

test('a region that stops answering keeps its last state and shows the reason until it answers', async () => {
  await using proxy = await startFaultProxy(plane.url);
  const through = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  await using folder = await dataFolderWith(await configFile(through));
  await using core = await open(folder);
  await launch(core);
  await vi.waitFor(async () => expect((await look(core)).state).toBe('running'), patience);
  proxy.fault = () => ({ status: 503 });
  proxy.cutWatches();
  const us = async () => (await look(core)).regions.find((each) => each.region === 'us');
  await vi.waitFor(async () => expect(await us()).toMatchObject({ reason: { code: 'region_unreachable' } }), {
    timeout: 60_000,
    interval: 200,
  });
  expect(await us()).toMatchObject({ state: 'running', ready: 1 });
  proxy.fault = () => undefined;
  await vi.waitFor(async () => expect((await us())?.reason).toBeUndefined(), patience);
});

test('objects of an unknown instance are removed by their labels', async () => {
  await using folder = await dataFolderWith(await configFile());
  await plane.call('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: {
      name: 'instance-99-eu',
      labels: { 'app.kubernetes.io/managed-by': 'ecolink', 'ecolink.dev/region': 'eu', 'ecolink.dev/instance': '99' },
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'c' }] } },
    },
  });
  await using _core = await open(folder);
  await vi.waitFor(async () => expect(await list('/apis/apps/v1/NS/deployments')).toEqual([]), patience);
});
