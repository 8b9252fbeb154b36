import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { makeNamespace, openRegion, workloadOf } from './support/place.ts';

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

async function makeClaim(name: string, mode: string): Promise<void> {
  await plane.call('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: { name },
    spec: { accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
  });
}

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}

test('a folder is listed by a pod that can write nothing, and its small files come along', async () => {
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

test('a mistyped subfolder is the error that the pod saw', async () => {
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

test('a claim that one node alone may mount, a claim that is missing and a path that leads out send no pod', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('scratch', 'ReadWriteOnce');
  await expect(region.listFolder('scratch', 'a')).rejects.toMatchObject({ code: 'filesystem_not_shared' });
  await expect(region.listFolder('nowhere', 'a')).rejects.toMatchObject({ code: 'filesystem_missing' });
  await expect(region.listFolder('scratch', '../a')).rejects.toMatchObject({ code: 'bad_subfolder' });
  expect(await list('/apis/batch/v1/NS/jobs')).toEqual([]);
});

test('an instance reads a filesystem in place, without an init container and without being able to write', async () => {
  await using region = await openRegion(plane, namespace, { filesystems });
  await makeClaim('weights', 'ReadWriteMany');
  const location = { kind: 'filesystem', filesystem: 'weights', subfolder: 'team/tiny', file: 'model.gguf' } as const;
  await region.applyWorkload(workloadOf('unused', { location }));
  await vi.waitFor(async () => expect((await region.observeWorkload(7))[0]?.state).toBe('ready'), 20_000);
  const pod = (await list<V1Pod>('/api/v1/NS/pods'))[0]?.spec;
  expect(pod?.initContainers).toBeUndefined();
  expect(pod?.containers[0]?.args).toContain('/data/team/tiny/model.gguf');
  expect(pod?.containers[0]?.volumeMounts?.[0]).toMatchObject({ mountPath: '/data', readOnly: true });
});
