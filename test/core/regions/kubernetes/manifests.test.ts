import { expect, test } from 'vitest';
import { kubernetesRegion } from '../../../../src/core/config/kubernetes-region.ts';
import type { KubernetesRuntime } from '../../../../src/core/config/schema.ts';
import { digestOf } from '../../../../src/core/base/ids.ts';
import { downloadJob } from '../../../../src/core/regions/kubernetes/manifests/download.ts';
import { disruptionBudget, networkPolicy, service } from '../../../../src/core/regions/kubernetes/manifests/network.ts';
import { podTaskJob } from '../../../../src/core/regions/kubernetes/manifests/pod-task.ts';
import type { RenderInput } from '../../../../src/core/regions/kubernetes/manifests/render-input.ts';
import { deployment, startSeconds } from '../../../../src/core/regions/kubernetes/manifests/workload.ts';
import type { Workload } from '../../../../src/core/region/region.ts';
import { builtInKubernetes } from '../../../../src/core/runtimes/kubernetes-built-in.ts';

const vllm = builtInKubernetes().find(({ name }) => name === 'vllm') as KubernetesRuntime;
const accelerators = [
  { name: 'h100', node_selector: { gpu: 'h100' }, tolerations: [{ key: 'gpu', operator: 'Exists' }] },
];

function inputOf(more: Partial<Workload> = {}, config: object = {}): RenderInput {
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
    modelFolder: '/model',
    modelPath: '/model',
  };
}

function render(given: RenderInput) {
  const { spec } = deployment(given);
  const pod = spec?.template.spec;
  const engine = pod?.containers[0];
  if (!spec || !pod || !engine) throw new Error('Nothing was rendered');
  return { spec, pod, engine };
}

const onGpus = { accelerator: { name: 'h100', count: 2 } };

test('the startup probe and the rollout allow the time that the weights take to load', () => {
  const { spec, engine } = render(inputOf());
  const { failureThreshold = 0, periodSeconds = 0 } = engine.startupProbe ?? {};
  expect(failureThreshold * periodSeconds).toBe(startSeconds(140e9));
  expect(spec.progressDeadlineSeconds).toBeGreaterThan(failureThreshold * periodSeconds);
  for (const probe of [engine.startupProbe, engine.readinessProbe, engine.livenessProbe])
    expect(probe?.httpGet).toEqual({ path: '/health', port: 'http' });
});

test('an engine gets its accelerators, their nodes, and shared memory', () => {
  const { pod, engine } = render(inputOf(onGpus));
  expect(engine.resources?.limits).toMatchObject({ 'nvidia.com/gpu': '2' });
  expect(engine.resources?.requests).toMatchObject({ 'nvidia.com/gpu': '2' });
  expect(pod.nodeSelector).toEqual({ gpu: 'h100' });
  expect(pod.tolerations).toEqual([{ key: 'gpu', operator: 'Exists' }]);
  expect(engine.volumeMounts).toContainEqual({ name: 'shm', mountPath: '/dev/shm' });
  expect(pod.volumes).toContainEqual({ name: 'shm', emptyDir: { medium: 'Memory' } });
});

test('a rollout needs no extra accelerator; without accelerators it keeps all replicas', () => {
  expect(render(inputOf(onGpus)).spec.strategy?.rollingUpdate).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  expect(render(inputOf()).spec.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
});

test('replicas prefer different nodes, and a scale does not change running replicas', () => {
  expect(render(inputOf({ replicas: 2 })).pod.topologySpreadConstraints).toMatchObject([
    { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 },
  ]);
  expect(render(inputOf()).spec.template).toEqual(render(inputOf({ replicas: 2 })).spec.template);
});

test('a drain takes one replica at a time, and a broken replica stops no drain', () => {
  expect(disruptionBudget(inputOf({ replicas: 2 })).spec).toMatchObject({
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  });
});

test('endpoints learn of an end before the engine does, and calls have time to finish', () => {
  const drain = (more: Partial<KubernetesRuntime>) => {
    const { pod, engine, spec } = render({ ...inputOf(), runtime: { ...vllm, ...more } });
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

test('an engine that fails its probes gets no time to drain', () => {
  const { engine } = render(inputOf());
  for (const probe of [engine.startupProbe, engine.livenessProbe])
    expect(probe?.terminationGracePeriodSeconds).toBeLessThanOrEqual(10);
});

test('a pod has no token, no settings from Services, no privileges, and does not run as root', () => {
  const { pod, engine } = render(inputOf());
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

test('an engine is offline, serves under its model id, and has its usual writable folders', () => {
  const { pod, engine } = render(inputOf());
  const environment = Object.fromEntries((engine.env ?? []).map(({ name, value }) => [name, value]));
  expect(environment).toMatchObject({ HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_HOME: '/cache/huggingface' });
  expect(engine.args?.slice(0, 4)).toEqual(['serve', '/model', '--served-model-name', 'tiny:7']);
  expect(engine.args?.at(-1)).toBe('$$(HOME)');
  const paths = new Map((engine.volumeMounts ?? []).map(({ mountPath, name }) => [mountPath, name]));
  for (const path of [environment['HOME'], '/cache', '/tmp'])
    expect(pod.volumes).toContainEqual({ name: paths.get(path ?? ''), emptyDir: {} });
});

test('weights are read-only in the claim and in the mount, and checked before the engine starts', () => {
  const { pod, engine } = render(inputOf());
  expect(pod.volumes).toContainEqual({
    name: 'model',
    persistentVolumeClaim: { claimName: 'v-1', readOnly: true },
  });
  expect(engine.volumeMounts).toContainEqual({ name: 'model', mountPath: '/model', readOnly: true });
  expect(pod.initContainers?.[0]?.args).toEqual(['check-volume', '--target', '/model']);
});

test("only EcoLink may reach the engine's port; with the API proxy everybody may", () => {
  const ports = [{ port: 'http', protocol: 'TCP' }];
  expect(networkPolicy(inputOf()).spec).toMatchObject({
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        from: [
          {
            podSelector: {
              matchLabels: { 'app.kubernetes.io/name': 'ecolink' },
              matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: ['server', 'gateway'] }],
            },
          },
        ],
        ports,
      },
    ],
  });
  const known = { ...inputOf(), serverNamespace: 'ecolink' };
  expect(networkPolicy(known).spec).toMatchObject({
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ecolink' } } }] }],
  });
  expect(networkPolicy(inputOf({}, { reach: 'api-proxy' })).spec?.ingress).toEqual([{ ports }]);
});

const inCluster = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['kube-system', 'openshift-dns'] };
const dns = {
  to: [{ namespaceSelector: { matchExpressions: [inCluster] } }, { ipBlock: { cidr: '169.254.20.10/32' } }],
  ports: [
    { port: 53, protocol: 'UDP' },
    { port: 53, protocol: 'TCP' },
    { port: 5353, protocol: 'UDP' },
    { port: 5353, protocol: 'TCP' },
  ],
};

test("an engine may call the cluster's DNS and nothing else", () => {
  expect(networkPolicy(inputOf()).spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [dns] });
});

test('a region can allow its engines more, or everything', () => {
  const rules = [
    { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'], ports: [443, { port: 8000, end_port: 8100, protocol: 'UDP' }] },
    { cidr: 'fd00::/8' },
    { namespace_selector: { team: 'metrics' }, pod_selector: { app: 'collector' }, ports: [4317] },
    { namespace_selector: {} },
    { pod_selector: { app: 'cache' } },
  ];
  expect(networkPolicy(inputOf({}, { engine_egress: rules })).spec?.egress).toEqual([
    dns,
    {
      to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
      ports: [
        { port: 443, protocol: 'TCP' },
        { port: 8000, endPort: 8100, protocol: 'UDP' },
      ],
    },
    { to: [{ ipBlock: { cidr: 'fd00::/8' } }] },
    {
      to: [
        {
          namespaceSelector: { matchLabels: { team: 'metrics' } },
          podSelector: { matchLabels: { app: 'collector' } },
        },
      ],
      ports: [{ port: 4317, protocol: 'TCP' }],
    },
    { to: [{ namespaceSelector: {} }] },
    { to: [{ podSelector: { matchLabels: { app: 'cache' } } }] },
  ]);
  for (const engine_egress of ['off', false]) {
    const { spec } = networkPolicy(inputOf({}, { engine_egress }));
    expect(spec?.policyTypes).toEqual(['Ingress']);
    expect(spec).not.toHaveProperty('egress');
  }
});

test('downloads and pod tasks keep their egress: the policy does not select them', () => {
  const { config } = inputOf();
  const pods = [
    downloadJob(config, {
      key: 'v-1',
      attempt: 1,
      claim: 'uid',
      withToken: false,
      manifest: { version: 1, endpoint: 'http://hub.test', repo: 'a/b', commit: 'a'.repeat(40), files: [] },
    }),
    podTaskJob(config, { name: 't', claim: 'c', mountPath: '/c', writes: false, args: [], deadlineSeconds: 1 }),
  ].map((job) => job.spec?.template.metadata?.labels);
  const selector = networkPolicy(inputOf()).spec?.podSelector?.matchLabels ?? {};
  const selects = (labels: Record<string, string> | undefined) =>
    Object.entries(selector).every(([name, value]) => labels?.[name] === value);
  expect(pods.map(selects)).toEqual([false, false]);
  expect(selects(deployment(inputOf()).spec?.template.metadata?.labels)).toBe(true);
});

const shared = { kind: 'filesystem', filesystem: 'weights', subfolder: 'team/tiny' } as const;
const wholeFilesystem = { claim: 'weights', mountPath: '/data', modelPath: '/data/team/tiny' };

test('an engine sees only the folder of its model, read-only, after a check that no link leads elsewhere', () => {
  const input = { ...inputOf({ location: shared }), ...wholeFilesystem };
  const { pod, engine } = render({ ...input, mountPath: '/data/team/tiny', subPath: 'team/tiny' });
  expect(engine.volumeMounts?.filter(({ name }) => name === 'model')).toEqual([
    { name: 'model', mountPath: '/data/team/tiny', subPath: 'team/tiny', readOnly: true },
  ]);
  expect(pod.volumes).toContainEqual({
    name: 'model',
    persistentVolumeClaim: { claimName: 'weights', readOnly: true },
  });
  expect(pod.initContainers).toMatchObject([
    {
      name: 'check-folder',
      image: 'e:1',
      args: ['check-folder', '--target', '/filesystem', '--path', 'team/tiny'],
      volumeMounts: [{ name: 'model', mountPath: '/filesystem', readOnly: true }],
      securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
    },
  ]);
});

/** Hashes of what the version before `subPath` rendered. A Deployment with another hash is applied anew. */
test('an upgrade changes no Deployment of a running instance', () => {
  const config = { accelerators: [] };
  const more = { bytes: 1e9, runtime: 'engine', arguments: ['--model', '{model_path}'] };
  const runtime = { ...vllm, name: 'engine', image: 'engine:1', arguments: [], port: 8000, environment: {} };
  const hashOf = (given: RenderInput) =>
    digestOf(
      deployment({
        ...given,
        runtime: { ...runtime, ends: 'at_once', command: undefined, user: undefined, drain_seconds: undefined },
      }),
    ).slice(0, 16);
  expect(hashOf(inputOf(more, config))).toBe('9c3898cd0aef06fe');
  expect(hashOf({ ...inputOf({ ...more, location: shared }, config), ...wholeFilesystem })).toBe('43650e64d3710e1c');
});

test('a Service exists for its endpoints and has no address of its own', () => {
  expect(service(inputOf()).spec).toMatchObject({ clusterIP: 'None', ports: [{ targetPort: 'http' }] });
});
