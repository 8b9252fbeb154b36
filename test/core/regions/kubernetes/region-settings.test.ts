import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { kubernetesRegion } from '../../../../src/core/config/kubernetes-region.ts';
import type { KubernetesRuntime } from '../../../../src/core/config/schema.ts';
import { downloadJob } from '../../../../src/core/regions/kubernetes/manifests/download.ts';
import { podTaskJob } from '../../../../src/core/regions/kubernetes/manifests/pod-task.ts';
import { volumeClaim } from '../../../../src/core/regions/kubernetes/manifests/volume.ts';
import { deployment } from '../../../../src/core/regions/kubernetes/manifests/workload.ts';
import { builtInKubernetes } from '../../../../src/core/runtimes/kubernetes-built-in.ts';

const runtime = builtInKubernetes().find(({ name }) => name === 'llama.cpp') as KubernetesRuntime;
const manifest = {
  version: 1 as const,
  endpoint: 'http://hub.test',
  repo: 'team/tiny',
  commit: 'a'.repeat(40),
  files: [],
};
const gpu = (name: string) => ({
  name,
  node_selector: { gpu: name },
  tolerations: [{ key: name, operator: 'Exists' as const }],
});

function rendered(settings: object, accelerators?: string[]) {
  const config = kubernetesRegion.parse({
    name: 'eu',
    kind: 'kubernetes',
    namespace: 'models',
    ecolink_image: 'e:1',
    accelerators: [gpu('h100'), gpu('l4')],
    ...settings,
  });
  const workload = {
    instance: 7,
    replicas: 1,
    location: { kind: 'volume' as const, volume: 'v-1' },
    servedName: 'tiny:7',
    runtime: runtime.name,
    arguments: [],
    generation: 1,
  };
  const input = {
    config,
    workload,
    runtime,
    claim: 'v-1',
    mountPath: '/model',
    modelFolder: '/model',
    modelPath: '/model',
  };
  const download = { key: 'v-1', attempt: 1, claim: 'uid', manifest, withToken: true, accelerators };
  const task = { name: 'e', claim: 'c', mountPath: '/m', writes: false, args: ['x'], deadlineSeconds: 9 };
  return {
    claim: volumeClaim(config, 'v-1', manifest),
    objects: {
      engine: deployment(input),
      download: downloadJob(config, download),
      task: podTaskJob(config, task),
    },
  };
}

function podsOf(settings: object, accelerators?: string[]): Record<'engine' | 'download' | 'task', V1PodSpec> {
  const { engine, download, task } = rendered(settings, accelerators).objects;
  const specOf = (object: { spec?: { template: { spec?: V1PodSpec } } }) => object.spec?.template.spec as V1PodSpec;
  return { engine: specOf(engine), download: specOf(download), task: specOf(task) };
}

function containersOf(settings: object): [string, V1Container][] {
  return Object.entries(podsOf(settings)).flatMap(([name, pod]) =>
    [...(pod.initContainers ?? []), ...pod.containers].map((each): [string, V1Container] => [name, each]),
  );
}

describe('a setting for all pods of a region', () => {
  const settings = {
    image_pull_secrets: ['registry'],
    priority_class: 'inference',
    image_pull_policy: 'Always',
    run_as: { user: 1234, group: 2345, fs_group: 3456 },
    node_selector: { 'topology.kubernetes.io/region': 'eu' },
    tolerations: [{ key: 'ml', operator: 'Exists' }],
  };

  test.for(['engine', 'download', 'task'] as const)('is in the pod of an %s', (which) => {
    expect(podsOf(settings)[which]).toMatchObject({
      imagePullSecrets: [{ name: 'registry' }],
      priorityClassName: 'inference',
      nodeSelector: { 'topology.kubernetes.io/region': 'eu' },
      tolerations: [{ key: 'ml', operator: 'Exists' }],
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, runAsNonRoot: true },
    });
  });

  test('is in each of their containers', () => {
    const containers = containersOf(settings);
    expect(containers.map(([name]) => name)).toEqual(['engine', 'engine', 'download', 'task']);
    for (const [, container] of containers) {
      expect(container.imagePullPolicy).toBe('Always');
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test('of the runtime class is for engines only', () => {
    const pods = podsOf({ runtime_class: 'nvidia' });
    expect(pods.engine.runtimeClassName).toBe('nvidia');
    expect(pods.download.runtimeClassName).toBeUndefined();
  });

  test('of labels and annotations is on every object and its pods, and replaces none of ours', () => {
    const mine = { 'ecolink.dev/region': 'mine', team: 'ml' };
    const { objects, claim } = rendered({ labels: mine, annotations: { owner: 'platform' } });
    const metadata = [
      claim.metadata,
      ...Object.values(objects).flatMap((each) => [each.metadata, each.spec?.template.metadata]),
    ];
    expect(metadata).toHaveLength(7);
    for (const each of metadata) {
      expect(each?.labels).toMatchObject({ team: 'ml', 'ecolink.dev/region': 'eu' });
      expect(each?.annotations).toMatchObject({ owner: 'platform' });
    }
  });
});

describe('proxies and authorities', () => {
  const settings = { environment: { HTTPS_PROXY: 'http://proxy:3128' }, ca_config_map: 'company-ca' };
  const proxy = { name: 'HTTPS_PROXY', value: 'http://proxy:3128' };

  test.for(['engine', 'download', 'task'] as const)('the environment reaches the container of an %s', (which) => {
    expect(podsOf(settings)[which].containers[0]?.env).toContainEqual(proxy);
  });

  test.for(['download', 'task'] as const)('a %s trusts the authority of the ConfigMap', (which) => {
    const pod = podsOf(settings)[which];
    expect(pod.volumes).toContainEqual({ name: 'authority', configMap: { name: 'company-ca' } });
    expect(pod.containers[0]?.volumeMounts).toContainEqual({
      name: 'authority',
      mountPath: '/authority',
      readOnly: true,
    });
    expect(pod.containers[0]?.env).toContainEqual({ name: 'NODE_EXTRA_CA_CERTS', value: '/authority/ca.crt' });
  });
});

describe('a download', () => {
  const selected = (pod: V1PodSpec) =>
    pod.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.map((term) =>
      term.matchExpressions?.map(({ key, values }) => `${key}=${values?.join('|')}`).join(),
    );

  test('runs in the zone of its region, on a node without accelerators', () => {
    const { download } = podsOf({ node_selector: { zone: 'a' } }, ['h100']);
    expect(download.nodeSelector).toEqual({ zone: 'a' });
    expect(download.tolerations).toBeUndefined();
    expect(download.affinity).toBeUndefined();
    expect(download.containers[0]?.resources?.limits).not.toHaveProperty(['nvidia.com/gpu']);
  });

  test.for([
    ['those that will read it', ['h100'], ['gpu=h100'], ['ml', 'h100']],
    ['any, while nobody reads it yet', undefined, ['gpu=h100', 'gpu=l4'], ['ml', 'h100', 'l4']],
    ['none, for those that use none', [], undefined, ['ml']],
  ] as const)('onto storage of one node goes to nodes with accelerators: %s', ([, wanted, terms, tolerated]) => {
    const settings = { node_local_storage: true, node_selector: { zone: 'a' }, tolerations: [{ key: 'ml' }] };
    const { download } = podsOf(settings, wanted && [...wanted]);
    expect(selected(download)).toEqual(terms);
    expect(download.tolerations?.map(({ key }) => key)).toEqual(tolerated);
    expect(download.nodeSelector).toEqual({ zone: 'a' });
    expect(download.containers[0]?.resources?.limits).not.toHaveProperty(['nvidia.com/gpu']);
  });
});

test("a claim has the region's storage class and access mode", () => {
  expect(rendered({ storage_class: 'fast', access_mode: 'ReadWriteOnce' }).claim.spec).toMatchObject({
    storageClassName: 'fast',
    accessModes: ['ReadWriteOnce'],
  });
  expect(JSON.stringify(rendered({}).claim)).not.toContain('storageClassName');
});
