import { join } from 'node:path';
import type { V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startCore } from '../support/core.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { dataFolderWith, engine, makeNamespace, openRegion, regionConfig, workloadOf } from './support/regions.ts';

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

const filesystems = [
  { name: 'weights', region: 'eu', claim: 'weights', mount_path: '/data' },
  { name: 'scratch', region: 'eu', claim: 'scratch' },
  { name: 'nowhere', region: 'eu', claim: 'nowhere' },
];

async function makeClaim(name: string, mode: string, metadata: object = {}): Promise<void> {
  await plane.call('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: { name, ...metadata },
    spec: { accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
  });
}

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}

test('a read-only pod lists a folder together with its small files', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  const entries = [
    { path: 'config.json', size: 2, mtimeMs: 1 },
    { path: 'model.gguf', size: 9, mtimeMs: 2 },
  ];
  const seen: V1Pod[] = [];
  nodes.rule = (pod) => {
    seen.push(pod);
    return { exit: 0 };
  };
  nodes.log = () =>
    `${JSON.stringify({ entries, contents: { 'config.json': Buffer.from('{}').toString('base64') } })}\n`;
  expect(await region.listFolder('weights', 'team/tiny')).toEqual(entries);
  expect((await region.readFile('weights', 'team/tiny/config.json', 100)).toString()).toBe('{}');
  expect(new Set(seen.map((pod) => pod.metadata?.uid)).size).toBe(1);
  const pod = seen[0]?.spec;
  expect(pod?.volumes?.[0]?.persistentVolumeClaim).toEqual({ claimName: 'weights', readOnly: true });
  expect(pod?.containers[0]?.volumeMounts?.[0]).toMatchObject({ readOnly: true });
  await vi.waitFor(async () => expect(await list<V1Job>('/apis/batch/v1/NS/jobs')).toEqual([]), 10_000);
});

test('files are marked by the pod that lists their folder; an older image prints no marks', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  const entries = [
    { path: 'config.json', size: 2, mtimeMs: 1 },
    { path: 'model.gguf', size: 9, mtimeMs: 2 },
    { path: 'pipe', size: 0, mtimeMs: 3, special: true },
  ];
  let pods = 0;
  nodes.rule = () => {
    pods++;
    return { exit: 0 };
  };
  nodes.log = () => `${JSON.stringify({ entries, contents: {}, marks: { 'config.json': 'whole:1' } })}\n`;
  await region.listFolder('weights', 'team/tiny');
  const listed = pods;
  expect(await region.markFiles?.('weights', 'team/tiny', ['config.json', 'model.gguf', 'pipe', 'gone'])).toEqual([
    { ...entries[0], mark: 'whole:1' },
    { ...entries[1], mark: undefined },
  ]);
  expect(pods).toBe(listed);
  nodes.log = () => `${JSON.stringify({ entries, contents: {} })}\n`;
  expect(await region.markFiles?.('weights', 'team/other', ['config.json'])).toEqual([entries[0]]);
});

test('a mistyped subfolder gives the error that the pod printed', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadOnlyMany');
  const error = {
    kind: 'not_found',
    code: 'subfolder_not_found',
    message: 'No.',
    next_step: 'Correct it.',
    retryable: false,
  };
  nodes.rule = () => ({ exit: 1 });
  nodes.log = () => `${JSON.stringify({ error })}\n`;
  await expect(region.listFolder('weights', 'team/tyni')).rejects.toMatchObject({
    code: 'subfolder_not_found',
    kind: 'not_found',
  });
});

test('no pod starts for a claim of one node, a missing claim, or a path that leads out', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('scratch', 'ReadWriteOnce');
  await expect(region.listFolder('scratch', 'a')).rejects.toMatchObject({ code: 'filesystem_not_shared' });
  await expect(region.listFolder('nowhere', 'a')).rejects.toMatchObject({ code: 'filesystem_missing' });
  await expect(region.listFolder('scratch', '../a')).rejects.toMatchObject({ code: 'bad_subfolder' });
  expect(await list('/apis/batch/v1/NS/jobs')).toEqual([]);
});

const weightsLocation = {
  kind: 'filesystem',
  filesystem: 'weights',
  subfolder: 'team/tiny',
  file: 'model.gguf',
} as const;

test('an engine sees only the folder of its model, read-only, after its folder was checked', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  const workload = workloadOf('unused', { location: weightsLocation, modelFolderOnly: true });
  await region.applyWorkload(workload);
  await vi.waitFor(async () => expect((await region.observeWorkload(7))[0]?.state).toBe('ready'), 20_000);
  const pod = (await list<V1Pod>('/api/v1/NS/pods'))[0]?.spec;
  expect(pod?.initContainers?.[0]?.args).toEqual(['check-folder', '--target', '/filesystem', '--path', 'team/tiny']);
  expect(pod?.containers[0]?.args).toContain('/data/team/tiny/model.gguf');
  expect(pod?.containers[0]?.volumeMounts?.[0]).toEqual({
    name: 'model',
    mountPath: '/data/team/tiny',
    subPath: 'team/tiny',
    readOnly: true,
  });
  // The API server accepts and keeps it: a second look finds no drift.
  const versions = async () =>
    (await list<V1Deployment>('/apis/apps/v1/NS/deployments')).map(({ metadata }) => metadata?.resourceVersion);
  await vi.waitFor(async () => expect((await region.observeWorkload(7))[0]?.state).toBe('ready'), 20_000);
  const before = await versions();
  await region.applyWorkload(workload);
  expect(await versions()).toEqual(before);
});

test('a snapshot of a Hub cache is shown with its blobs; a folder whose path no mount takes is at /model', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  const mounted = async (subfolder: string, generation: number) => {
    const location = { ...weightsLocation, subfolder };
    await region.applyWorkload(workloadOf('unused', { location, modelFolderOnly: true, generation }));
    const [deployment] = await list<V1Deployment>('/apis/apps/v1/NS/deployments');
    const engine = deployment?.spec?.template.spec?.containers[0];
    return { mount: engine?.volumeMounts?.[0], model: engine?.args?.[1] };
  };
  expect(await mounted('hub/models--acme--tiny/snapshots/main', 1)).toMatchObject({
    mount: { subPath: 'hub/models--acme--tiny', mountPath: '/data/hub/models--acme--tiny' },
    model: '/data/hub/models--acme--tiny/snapshots/main/model.gguf',
  });
  expect(await mounted('team/tiny:7b', 2)).toMatchObject({
    mount: { subPath: 'team/tiny:7b', mountPath: '/model' },
    model: '/model/model.gguf',
  });
});

test('an instance of an older version keeps its mount of the whole filesystem', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  await region.applyWorkload(workloadOf('unused', { location: weightsLocation }));
  await vi.waitFor(async () => expect((await region.observeWorkload(7))[0]?.state).toBe('ready'), 20_000);
  const pod = (await list<V1Pod>('/api/v1/NS/pods'))[0]?.spec;
  expect(pod?.initContainers).toBeUndefined();
  expect(pod?.containers[0]?.args).toContain('/data/team/tiny/model.gguf');
  expect(pod?.containers[0]?.volumeMounts?.[0]).toMatchObject({ mountPath: '/data', readOnly: true });
});

const labelled = (name: string, mountPath?: string) => ({
  labels: { 'ecolink.dev/filesystem': name },
  ...(mountPath === undefined ? {} : { annotations: { 'ecolink.dev/mount-path': mountPath } }),
});

test('labelled claims are filesystems, and an unusable one says why', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  await makeClaim('scratch', 'ReadWriteOnce');
  await makeClaim('found', 'ReadOnlyMany', labelled('team-a', '/data/team-a'));
  await makeClaim('single', 'ReadWriteOnce', labelled('team-b'));
  await makeClaim('wide', 'ReadWriteMany', labelled('team-c', '/usr/lib'));
  await makeClaim('one', 'ReadWriteMany', labelled('twin'));
  await makeClaim('two', 'ReadWriteMany', labelled('twin'));
  await makeClaim('other', 'ReadWriteMany', labelled('weights'));
  const { filesystems: all } = await region.filesystems();
  expect(all.map(({ name, mountPath, state, reason }) => [name, mountPath, state, reason?.code])).toEqual([
    ['weights', '/data', 'usable', undefined],
    ['scratch', '/mnt/scratch', 'unusable', 'filesystem_not_shared'],
    ['nowhere', '/mnt/nowhere', 'unusable', 'filesystem_missing'],
    ['team-a', '/data/team-a', 'usable', undefined],
    ['twin', '/mnt/twin', 'unusable', 'filesystem_twice'],
    ['team-b', '/mnt/team-b', 'unusable', 'filesystem_not_shared'],
    ['team-c', '/usr/lib', 'unusable', 'bad_mount_path'],
  ]);
  await expect(region.listFolder('team-b', 'a')).rejects.toMatchObject({ code: 'filesystem_not_shared' });
  await expect(region.listFolder('twin', 'a')).rejects.toMatchObject({ code: 'filesystem_twice' });
  expect(await list('/apis/batch/v1/NS/jobs')).toEqual([]);
});

test('if a region stops answering, its filesystems are listed as unknown', async () => {
  await using proxy = await startFaultProxy(plane.url);
  const kubeconfig = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  await using region = await openRegion(plane, namespace, { kubeconfig });
  await makeClaim('found', 'ReadWriteMany', labelled('team-a'));
  expect((await region.filesystems()).filesystems).toMatchObject([{ name: 'team-a', state: 'usable' }]);
  proxy.fault = () => ({ status: 503 });
  await vi.waitFor(
    async () =>
      expect(await region.filesystems()).toMatchObject({
        reason: { code: 'region_unreachable' },
        filesystems: [{ name: 'team-a', state: 'unknown' }],
      }),
    10_000,
  );
});

test('a model from a labelled claim runs only in its region, and a changed folder stops its launch', async () => {
  const kubeconfig = await plane.kubeconfig('ecolink');
  const regions = ['eu', 'us'].map((name) => ({ ...regionConfig(namespace), name, kubeconfig }));
  // Both regions share the namespace. The claim belongs to the first one.
  await makeClaim('found', 'ReadWriteMany', labelled('team-a', '/data'));
  await using folder = await dataFolderWith({ regions, runtimes: [engine] });
  await using core = await startCore({ dataDir: folder.dataDir, environment: { ECOLINK_CONFIG: folder.config } });
  expect((await core.run('list_filesystems', {}))['items']).toMatchObject([
    { name: 'team-a', region: 'eu', mount_path: '/data', state: 'usable' },
    { name: 'team-a', region: 'us', state: 'unusable' },
  ]);
  const entry = { path: 'model.gguf', size: 9, mtimeMs: 2 };
  nodes.log = () => `${JSON.stringify({ entries: [entry], contents: {} })}\n`;
  const source = { source: 'filesystem', filesystem: 'team-a', subfolder: 'tiny', category: 'chat' };
  await core.run('register_model', { name: 'tiny', ...source });
  expect(await core.run('get_model', { model: 'tiny' })).toMatchObject({ region: 'eu', path: '/data/tiny' });
  await expect(core.run('launch_instance', { model: 'tiny', regions: ['us'] })).rejects.toMatchObject({
    code: 'region_locked',
  });
  entry.size = 10;
  await expect(core.run('launch_instance', { model: 'tiny' })).rejects.toMatchObject({
    code: 'changed_since_registration',
  });
  entry.size = 9;
  await core.run('launch_instance', { model: 'tiny' });
  await vi.waitFor(async () => {
    expect(await core.run('get_instance', { instance: '1' })).toMatchObject({ state: 'running' });
  }, 30_000);
  const pods = await list<V1Pod>('/api/v1/NS/pods');
  const served = pods.find((pod) => pod.metadata?.labels?.['ecolink.dev/instance'] === '1')?.spec;
  expect(served?.volumes?.[0]?.persistentVolumeClaim).toEqual({ claimName: 'found', readOnly: true });
  expect(served?.containers[0]?.args).toContain('/data/tiny/model.gguf');
  expect(served?.containers[0]?.volumeMounts?.[0]).toMatchObject({ subPath: 'tiny', mountPath: '/data/tiny' });
});

test('only a restart gives the pods of an older version the folder alone: an upgrade and a scale replace none', async () => {
  const regions = [{ ...regionConfig(namespace), kubeconfig: await plane.kubeconfig('ecolink') }];
  await makeClaim('found', 'ReadWriteMany', labelled('team-a', '/data'));
  await using folder = await dataFolderWith({ regions, runtimes: [engine] });
  const open = () => startCore({ dataDir: folder.dataDir, environment: { ECOLINK_CONFIG: folder.config } });
  nodes.log = () => `${JSON.stringify({ entries: [{ path: 'model.gguf', size: 9, mtimeMs: 2 }], contents: {} })}\n`;
  const served = async () =>
    (await list<V1Pod>('/api/v1/NS/pods')).filter(
      ({ metadata }) => metadata?.labels?.['ecolink.dev/instance'] && metadata.deletionTimestamp === undefined,
    );
  const mounts = async () => (await served()).map(({ spec }) => spec?.containers[0]?.volumeMounts?.[0]?.subPath);
  {
    await using core = await open();
    const source = { source: 'filesystem', filesystem: 'team-a', subfolder: 'tiny', category: 'chat' };
    await core.run('register_model', { name: 'tiny', ...source });
    await core.run('launch_instance', { model: 'tiny' });
    await vi.waitFor(async () => expect(await mounts()).toEqual(['tiny']), 30_000);
  }
  // As an older version left it: the stored instance does not say what its engines see, and they see everything.
  const database = new Sqlite(join(folder.dataDir, 'ecolink.db'));
  database.exec("update instances set spec = json_remove(spec, '$.modelFolderOnly')");
  database.close();
  {
    await using core = await open();
    await vi.waitFor(async () => expect(await mounts()).toEqual([undefined]), 30_000);
    await core.run('scale_instance', { instance: '1', replicas: 2 });
    await vi.waitFor(async () => expect(await mounts()).toEqual([undefined, undefined]), 30_000);
  }
  const uids = async () => new Set((await served()).map(({ metadata }) => metadata?.uid));
  const before = await uids();
  await using core = await open();
  await vi.waitFor(
    async () => expect(await core.run('get_instance', { instance: '1' })).toMatchObject({ state: 'running' }),
    30_000,
  );
  expect(await uids()).toEqual(before);
  await core.run('restart_instance', { instance: '1' });
  await vi.waitFor(async () => expect(await mounts()).toEqual(['tiny', 'tiny']), 60_000);
});
