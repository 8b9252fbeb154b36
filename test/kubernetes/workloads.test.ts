import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import type { KubernetesRegion } from '../../src/core/regions/kubernetes/kubernetes-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { Play, StandIn } from './support/nodes.ts';
import { engine, keyFor, makeNamespace, manifest, openRegion, workloadOf } from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;
let namespace: string;
/** What nodes do with engines. Downloads succeed. */
let engines: Play;

beforeAll(async () => {
  plane = await startControlPlane();
  nodes = await startNodes(plane, [{ name: 'eu-1', accelerators: 2, labels: { gpu: 'h100' } }, { name: 'eu-2' }]);
});
afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = await makeNamespace(plane);
  engines = 'ready';
  nodes.rule = (pod) => (pod.spec?.restartPolicy === 'Never' ? undefined : engines);
  nodes.lost = () => false;
});

const patience = { timeout: 30_000, interval: 50 };
const key = keyFor('team/tiny');
const name = 'instance-7-eu';

async function list<T>(path: string): Promise<T[]> {
  return (await plane.call<{ items: T[] }>('GET', path.replace('NS', `namespaces/${namespace}`))).items;
}
const pods = async () =>
  (await list<V1Pod>('/api/v1/NS/pods')).filter((pod) => pod.metadata?.labels?.['ecolink.dev/instance']);
const deployment = () => plane.call<V1Deployment>('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);

async function fill(region: KubernetesRegion): Promise<void> {
  await region.startDownload(key, manifest, 1, undefined);
  await vi.waitFor(async () => expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' }), patience);
}

async function states(region: KubernetesRegion): Promise<string[]> {
  return (await region.observeWorkload(7)).map((replica) => replica.state);
}

test('replicas get ready with their own addresses, under Pod Security restricted and strict validation', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await region.applyWorkload(workloadOf(key, { replicas: 2 }));
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready', 'ready']), patience);
  const replicas = await region.observeWorkload(7);
  const addresses = (await pods()).map((pod) => `http://${pod.status?.podIP}:8000`);
  expect(new Set(replicas.map((replica) => replica.url))).toEqual(new Set(addresses));
  expect(await list('/apis/policy/v1/NS/poddisruptionbudgets')).toHaveLength(1);
  expect(await list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toHaveLength(1);
  const [pod] = await pods();
  const container = pod?.spec?.containers[0];
  expect(container?.args).toEqual([
    '--model',
    '/model/model.gguf',
    '--name',
    'tiny:7',
    '--port',
    '8000',
    '--literal',
    '$$(HOME)',
  ]);
  expect(pod?.spec?.volumes?.find((volume) => volume.name === 'model')?.persistentVolumeClaim?.readOnly).toBe(true);
});

test('applying the same workload again changes nothing', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await region.applyWorkload(workloadOf(key, { replicas: 2 }));
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready', 'ready']), patience);
  await using later = await openRegion(plane, namespace);
  await later.observeWorkload(7);
  const before = (await deployment()).metadata?.resourceVersion;
  await later.applyWorkload(workloadOf(key, { replicas: 2 }));
  expect((await deployment()).metadata?.resourceVersion).toBe(before);
});

test('changes by hand are reverted: an edited image, a count, a deleted Deployment', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  const workload = workloadOf(key);
  await region.applyWorkload(workload);
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready']), patience);
  // An unchanged object is not compared again until its version changes.
  for (let round = 0; round < 3; round++) await region.applyWorkload(workload);
  const template = { spec: { containers: [{ name: 'engine', image: 'evil.test/other:1' }] } };
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  await plane.call('PATCH', path, { spec: { replicas: 3, template } }, 'application/strategic-merge-patch+json');
  await vi.waitFor(async () => {
    await region.applyWorkload(workload);
    const { spec } = await deployment();
    expect(spec?.template.spec?.containers[0]?.image).toBe(engine.image);
    expect(spec?.replicas).toBe(1);
  }, patience);
  await plane.call('DELETE', path);
  await vi.waitFor(async () => {
    await region.applyWorkload(workload);
    expect((await deployment()).spec?.replicas).toBe(1);
  }, patience);
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready']), patience);
  for (let round = 0; round < 3; round++) await region.applyWorkload(workload);
  await region.applyWorkload({ ...workload, replicas: 2 });
  expect((await deployment()).spec?.replicas).toBe(2);
});

test('additions of others to our objects stay and are no drift', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await region.applyWorkload(workloadOf(key));
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  await plane.call('PATCH', path, { metadata: { annotations: { theirs: 'kept' } } }, 'application/merge-patch+json');
  await region.applyWorkload(workloadOf(key, { generation: 2 }));
  const { metadata, spec } = await deployment();
  expect(metadata?.annotations?.['theirs']).toBe('kept');
  expect(spec?.template.metadata?.annotations?.['ecolink.dev/generation']).toBe('2');
});

test('a removed workload leaves nothing behind; its volume and the objects of others stay', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/services`, {
    metadata: { name: 'theirs', labels: { 'ecolink.dev/instance': '7' } },
    spec: { ports: [{ port: 80 }] },
  });
  await region.applyWorkload(workloadOf(key, { replicas: 2 }));
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready', 'ready']), patience);
  expect(await region.listWorkloads()).toEqual([7]);
  await vi.waitFor(async () => {
    await region.removeWorkload(7);
    expect(await region.observeWorkload(7)).toEqual([]);
  }, patience);
  expect(await pods()).toEqual([]);
  expect(await list('/apis/apps/v1/NS/deployments')).toEqual([]);
  expect(await list('/apis/networking.k8s.io/v1/NS/networkpolicies')).toEqual([]);
  expect(await list('/apis/policy/v1/NS/poddisruptionbudgets')).toEqual([]);
  expect((await list<{ metadata: { name: string } }>('/api/v1/NS/services')).map((each) => each.metadata.name)).toEqual(
    ['theirs'],
  );
  expect(await region.listWorkloads()).toEqual([]);
  expect(await region.observeVolume(key)).toMatchObject({ state: 'ready' });
});

test('an object of the same name that others made is not taken over', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/services`, {
    metadata: { name },
    spec: { ports: [{ port: 80 }] },
  });
  await expect(region.applyWorkload(workloadOf(key))).rejects.toMatchObject({ code: 'name_taken' });
});

test.for([
  [{ waiting: 'ImagePullBackOff', message: 'manifest unknown' }, 'image_pull_failed', true],
  [{ crashed: 137, reason: 'OOMKilled', message: '', restarts: 1 }, 'out_of_memory', false],
  [{ crashed: 1, message: 'Traceback\nValueError: no such layer', restarts: 2 }, 'crashed', false],
] as const)('a replica with a problem says why: %o', async ([play, code, failed]) => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  engines = play;
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => {
    const [replica] = await region.observeWorkload(7);
    expect(replica).toMatchObject({ state: 'waiting', reason: { code } });
    expect(replica?.failed ?? false).toBe(failed);
    expect(replica?.reason?.message).toContain(play.message.split('\n').at(-1));
  }, patience);
});

const accelerators = [{ name: 'h100', node_selector: { gpu: 'h100' } }];

test("replicas wait if no node has their accelerators, with the scheduler's sentence", async () => {
  await using region = await openRegion(plane, namespace, { config: { accelerators } });
  await fill(region);
  await region.applyWorkload(workloadOf(key, { accelerator: { name: 'h100', count: 3 } }));
  await vi.waitFor(async () => {
    const [replica] = await region.observeWorkload(7);
    expect(replica).toMatchObject({ reason: { code: 'unschedulable' } });
    expect(replica?.reason?.message).toContain('Insufficient nvidia.com/gpu');
    expect(replica?.failed).toBeUndefined();
  }, patience);
});

test('replacing replicas takes no more accelerators than before', async () => {
  await using region = await openRegion(plane, namespace, { config: { accelerators } });
  await fill(region);
  const workload = workloadOf(key, { accelerator: { name: 'h100', count: 2 } });
  await region.applyWorkload(workload);
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready']), patience);
  const [before] = await region.observeWorkload(7);
  await region.applyWorkload({ ...workload, generation: 2 });
  await vi.waitFor(async () => {
    const ready = (await region.observeWorkload(7)).filter((replica) => replica.state === 'ready');
    expect(ready).toHaveLength(1);
    expect(ready[0]?.id).not.toBe(before?.id);
  }, patience);
});

test('a used-up quota is not reported as an admission rule', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, {
    metadata: { name: 'none' },
    spec: { hard: { 'count/deployments.apps': '5', pods: '0' } },
  });
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(
    async () =>
      expect((await region.observeWorkload(7))[0]).toMatchObject({ failed: true, reason: { code: 'quota_exceeded' } }),
    patience,
  );
});

test('a quota that stops some replicas is reported while others serve, and during a rollout', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready']), patience);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, {
    metadata: { name: 'full' },
    spec: { hard: { pods: '1' } },
  });
  const quota = { state: 'waiting', reason: { code: 'quota_exceeded' } };
  await region.applyWorkload(workloadOf(key, { replicas: 2 }));
  await vi.waitFor(
    async () => expect(await region.observeWorkload(7)).toMatchObject([{ state: 'ready' }, quota]),
    patience,
  );
  await region.applyWorkload(workloadOf(key, { generation: 2 }));
  await vi.waitFor(
    async () =>
      expect(await region.observeWorkload(7)).toMatchObject([
        { state: 'stopping', url: expect.stringContaining('http') as string },
        quota,
      ]),
    patience,
  );
});

test('a refusal by an admission rule is reported in its own words', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  const rules = '/apis/admissionregistration.k8s.io/v1';
  const policy = `no-engines-${namespace}`;
  await plane.call('POST', `${rules}/validatingadmissionpolicies`, {
    metadata: { name: policy },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'false', message: 'engines rest on Fridays' }],
    },
  });
  await plane.call('POST', `${rules}/validatingadmissionpolicybindings`, {
    metadata: { name: policy },
    spec: {
      policyName: policy,
      validationActions: ['Deny'],
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
    },
  });
  // A rule takes effect a moment after its creation.
  const settings = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
  const containers = [{ name: 'c', image: 'c', securityContext: settings }];
  const pod = { metadata: { generateName: 'probe-' }, spec: { securityContext, containers } };
  await expect
    .poll(() => plane.call('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod).catch(String), patience)
    .toContain('engines rest on Fridays');
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => {
    const [replica] = await region.observeWorkload(7);
    expect(replica).toMatchObject({ failed: true, reason: { code: 'admission_denied' } });
    expect(replica?.reason?.message).toContain('engines rest on Fridays');
  }, patience);
});

test('an unbound volume says why, in the words of its provisioner', async () => {
  await using region = await openRegion(plane, namespace);
  await plane.call('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: {
      name: key,
      labels: { 'app.kubernetes.io/managed-by': 'ecolink', 'ecolink.dev/region': 'eu', 'ecolink.dev/volume': key },
    },
    spec: {
      storageClassName: 'no-such-class',
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => {
    const [replica] = await region.observeWorkload(7);
    expect(replica).toMatchObject({ state: 'waiting', reason: { code: 'volume_not_bound' } });
    expect(replica?.reason?.message).toContain('"no-such-class" not found');
    expect(replica?.failed).toBeUndefined();
  }, patience);
});

test("a mount failure is reported, although the pod's status does not show it", async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  engines = 'hold';
  await region.applyWorkload(workloadOf(key));
  const pod = await vi.waitFor(async () => {
    const [first] = await pods();
    expect(first?.spec?.nodeName).toBeDefined();
    return first as V1Pod;
  }, patience);
  // As a kubelet writes it.
  await plane.call('POST', `/api/v1/namespaces/${namespace}/events`, {
    metadata: { generateName: 'mount-' },
    type: 'Warning',
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "models": mount.nfs: access denied by server',
    involvedObject: { kind: 'Pod', namespace, name: pod.metadata?.name, uid: pod.metadata?.uid },
    lastTimestamp: new Date().toISOString(),
  });
  await vi.waitFor(async () => {
    const [replica] = await region.observeWorkload(7);
    expect(replica).toMatchObject({ state: 'waiting', reason: { code: 'volume_not_mounted' } });
    expect(replica?.reason?.message).toContain('access denied by server');
  }, patience);
});

test('every built-in runtime is admitted under Pod Security restricted', async () => {
  const runtimes = builtInKubernetes();
  await using region = await openRegion(plane, namespace, { runtimes });
  await fill(region);
  for (const [index, runtime] of runtimes.entries()) {
    const workload = { instance: 20 + index, runtime: runtime.name, arguments: runtime.arguments };
    await region.applyWorkload(workloadOf(key, workload));
  }
  await vi.waitFor(async () => {
    const images = new Set((await pods()).map((pod) => pod.spec?.containers[0]?.image));
    expect(images).toEqual(new Set(runtimes.map((runtime) => runtime.kind === 'kubernetes' && runtime.image)));
  }, patience);
});

test('an image that the region does not list is refused', async () => {
  await using region = await openRegion(plane, namespace, { config: { images_allowed: ['ghcr.io/team/*'] } });
  await expect(region.applyWorkload(workloadOf(key))).rejects.toMatchObject({ code: 'image_not_allowed' });
});

test('logs come from the engine', async () => {
  await using region = await openRegion(plane, namespace);
  await fill(region);
  await region.applyWorkload(workloadOf(key));
  await vi.waitFor(async () => expect(await states(region)).toEqual(['ready']), patience);
  nodes.log = () => 'loading\nready\n';
  expect(await region.logs(7, 10)).toEqual(['loading', 'ready']);
});
