import { expect, test } from 'vitest';
import { kubernetesRegion } from '../../../../src/core/config/kubernetes-region.ts';
import type { KubernetesRuntime } from '../../../../src/core/config/schema.ts';
import { disruptionBudget, networkPolicy, service } from '../../../../src/core/regions/kubernetes/manifests/network.ts';
import type { RenderInput } from '../../../../src/core/regions/kubernetes/manifests/render-input.ts';
import { deployment, startSeconds } from '../../../../src/core/regions/kubernetes/manifests/workload.ts';
import type { Workload } from '../../../../src/core/region/region.ts';
import { builtInKubernetes } from '../../../../src/core/runtimes/kubernetes-built-in.ts';

const vllm = builtInKubernetes().find(({ name }) => name === 'vllm') as KubernetesRuntime;
const accelerators = [
  { name: 'h100', node_selector: { gpu: 'h100' }, tolerations: [{ key: 'gpu', operator: 'Exists' }] },
];

function served(more: Partial<Workload> = {}, config: object = {}): RenderInput {
  const workload: Workload = {
    instance: 7,
    replicas: 1,
    location: { kind: 'volume', volume: 'v-1' },
    servedName: 'tiny:7',
    runtime: 'vllm',
    arguments: [...vllm.arguments, '--note', '$(HOME)'],
    bytes: 140e9,
    generation: 1,
    ...more,
  };
  const region = { name: 'eu', kind: 'kubernetes', namespace: 'models', ecolink_image: 'e:1', accelerators, ...config };
  return {
    config: kubernetesRegion.parse(region),
    workload,
    runtime: vllm,
    claim: 'v-1',
    mountPath: '/model',
    modelPath: '/model',
  };
}

function parts(given: RenderInput) {
  const { spec } = deployment(given);
  const pod = spec?.template.spec;
  const engine = pod?.containers[0];
  if (!spec || !pod || !engine) throw new Error('Nothing was rendered');
  return { spec, pod, engine };
}

const onGpus = { accelerator: { name: 'h100', count: 2 } };

test('a start is waited for as long as the weights take, by the probe and by the rollout', () => {
  const { spec, engine } = parts(served());
  const { failureThreshold = 0, periodSeconds = 0 } = engine.startupProbe ?? {};
  expect(failureThreshold * periodSeconds).toBe(startSeconds(140e9));
  expect(spec.progressDeadlineSeconds).toBeGreaterThan(failureThreshold * periodSeconds);
  for (const probe of [engine.startupProbe, engine.readinessProbe, engine.livenessProbe])
    expect(probe?.httpGet).toEqual({ path: '/health', port: 'http' });
});

test('an engine gets its accelerators, their nodes, and shared memory', () => {
  const { pod, engine } = parts(served(onGpus));
  expect(engine.resources?.limits).toMatchObject({ 'nvidia.com/gpu': '2' });
  expect(engine.resources?.requests).toMatchObject({ 'nvidia.com/gpu': '2' });
  expect(pod.nodeSelector).toEqual({ gpu: 'h100' });
  expect(pod.tolerations).toEqual([{ key: 'gpu', operator: 'Exists' }]);
  expect(engine.volumeMounts).toContainEqual({ name: 'shm', mountPath: '/dev/shm' });
  expect(pod.volumes).toContainEqual({ name: 'shm', emptyDir: { medium: 'Memory' } });
});

test('a rollout takes no accelerator more, and without accelerators no replica less', () => {
  expect(parts(served(onGpus)).spec.strategy?.rollingUpdate).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  expect(parts(served()).spec.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
});

test('replicas go to different nodes where they can, and a scale leaves those that run as they are', () => {
  expect(parts(served({ replicas: 2 })).pod.topologySpreadConstraints).toMatchObject([
    { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 },
  ]);
  expect(parts(served()).spec.template).toEqual(parts(served({ replicas: 2 })).spec.template);
});

test('a drain takes one replica at a time, and a broken one stops no drain', () => {
  expect(disruptionBudget(served({ replicas: 2 })).spec).toMatchObject({
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  });
});

test('an end is told to the endpoints before the engine hears of it, and calls have time to finish', () => {
  const drain = (more: Partial<KubernetesRuntime>) => {
    const { pod, engine, spec } = parts({ ...served(), runtime: { ...vllm, ...more } });
    const grace = pod.terminationGracePeriodSeconds ?? 0;
    expect(spec.progressDeadlineSeconds).toBeGreaterThan(grace);
    return { sleep: engine.lifecycle?.preStop?.sleep?.seconds, grace, words: engine.args };
  };
  const blunt = drain({ ends: 'at_once', drain_seconds: 100 });
  expect(blunt.sleep).toBe(100);
  expect(blunt.grace).toBeGreaterThan(100);
  const polite = drain({ ends: 'after_calls', drain_seconds: 200 });
  expect(polite.sleep).toBe(10);
  expect(polite.grace).toBeGreaterThan(210);
  expect(polite.words?.join(' ')).toContain('--shutdown-timeout 200');
  expect([drain({ ends: 'at_once' }).sleep, drain({}).words?.join(' ')]).toEqual([
    60,
    expect.stringContaining('--shutdown-timeout 300'),
  ]);
});

test('an engine that fails its probes is not given the time of a drain, which its end begins with', () => {
  const { engine } = parts(served());
  for (const probe of [engine.startupProbe, engine.livenessProbe])
    expect(probe?.terminationGracePeriodSeconds).toBeLessThanOrEqual(10);
});

test('a pod has no token, no settings from Services, no privileges, and a user that is not root', () => {
  const { pod, engine } = parts(served());
  expect(pod).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 2000, seccompProfile: { type: 'RuntimeDefault' } },
  });
  for (const container of [engine, ...(pod.initContainers ?? [])]) {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  }
});

test('an engine is offline, serves under its model id, and can write where it is used to', () => {
  const { pod, engine } = parts(served());
  const environment = Object.fromEntries((engine.env ?? []).map(({ name, value }) => [name, value]));
  expect(environment).toMatchObject({ HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_HOME: '/cache/huggingface' });
  expect(engine.args?.slice(0, 4)).toEqual(['serve', '/model', '--served-model-name', 'tiny:7']);
  expect(engine.args?.at(-1)).toBe('$$(HOME)');
  const paths = new Map((engine.volumeMounts ?? []).map(({ mountPath, name }) => [mountPath, name]));
  for (const path of [environment['HOME'], '/cache', '/tmp'])
    expect(pod.volumes).toContainEqual({ name: paths.get(path ?? ''), emptyDir: {} });
});

test('weights are read-only in the claim and in the mount, and looked at before the engine starts', () => {
  const { pod, engine } = parts(served());
  expect(pod.volumes).toContainEqual({
    name: 'model',
    persistentVolumeClaim: { claimName: 'v-1', readOnly: true },
  });
  expect(engine.volumeMounts).toContainEqual({ name: 'model', mountPath: '/model', readOnly: true });
  expect(pod.initContainers?.[0]?.args).toEqual(['check-volume', '--target', '/model']);
});

test('EcoLink alone is let in, on the one port, and through the API server whoever comes that way', () => {
  const ports = [{ port: 'http', protocol: 'TCP' }];
  expect(networkPolicy(served()).spec).toMatchObject({
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'ecolink' } } }],
        ports,
      },
    ],
  });
  const known = { ...served(), serverNamespace: 'ecolink' };
  expect(networkPolicy(known).spec).toMatchObject({
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ecolink' } } }] }],
  });
  expect(networkPolicy(served({}, { reach: 'api-proxy' })).spec?.ingress).toEqual([{ ports }]);
});

test('a Service is there for its endpoints and has no address of its own', () => {
  expect(service(served()).spec).toMatchObject({ clusterIP: 'None', ports: [{ targetPort: 'http' }] });
});
