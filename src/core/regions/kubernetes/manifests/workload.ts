import type { V1Container, V1Deployment, V1PodSpec, V1Probe, V1ResourceRequirements } from '@kubernetes/client-node';
import { drainSeconds, fillIn } from '../../../runtimes/runtime.ts';
import type { Workload } from '../../../region/region.ts';
import { annotations, labels, metadataFor, workloadName } from '../api/names.ts';
import { placementOf } from './placement.ts';
import {
  claimVolume,
  ecolinkContainer,
  environmentOf,
  isEmpty,
  literal,
  podBase,
  restricted,
  smallResources,
} from './pods.ts';
import { portName, selectorOf, workloadLabels } from './served.ts';
import type { Served } from './served.ts';

/** Slowest reading of weights that is waited for, in bytes per second, and what any engine may take besides. */
const slowestLoad = 50e6;
const engineSeconds = 600;
/** Endpoints learn of a pod's end within this time; no engine hears of it before, in seconds. */
const toldSeconds = 10;
/** What an engine gets to end in after its calls, in seconds. */
const engineEndSeconds = 60;
/** For one that fails its probes, which has nothing to wait for: its drain counts as a part of this time. */
const failedEndSeconds = 5;

/** Longest time from a replica's start to its being ready, in seconds. */
export function startSeconds(bytes: number): number {
  return Math.ceil(engineSeconds + bytes / slowestLoad);
}

export function deployment(served: Served): V1Deployment {
  const { config, workload } = served;
  const naming = {
    name: workloadName(workload.instance, config.name),
    labels: workloadLabels(workload),
    annotations: { [annotations.model]: workload.servedName },
  };
  const volume: Record<string, string> =
    workload.location.kind === 'volume' ? { [labels.volume]: workload.location.volume } : {};
  const pod = metadataFor(config, {
    ...naming,
    labels: { ...naming.labels, ...volume },
    annotations: { ...naming.annotations, [annotations.generation]: String(workload.generation) },
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataFor(config, naming),
    spec: {
      replicas: workload.replicas,
      revisionHistoryLimit: 2,
      // A slow load must not read as a failed rollout.
      progressDeadlineSeconds: startSeconds(workload.bytes ?? 0) + drainSeconds(served.runtime) + 600,
      selector: { matchLabels: selectorOf(served) },
      strategy: { type: 'RollingUpdate', rollingUpdate: rollout(workload) },
      template: { metadata: { labels: pod.labels, annotations: pod.annotations }, spec: podSpec(served) },
    },
  };
}

/** Scarce accelerators have no room for a replica more, so one goes before its successor comes. */
function rollout(workload: Workload): { maxSurge: number; maxUnavailable: number } {
  return workload.accelerator ? { maxSurge: 0, maxUnavailable: 1 } : { maxSurge: 1, maxUnavailable: 0 };
}

function podSpec(served: Served): V1PodSpec {
  const { config, workload, runtime } = served;
  const base = podBase(config, runtime.user ?? config.run_as.user);
  return {
    ...base,
    ...placementOf(served),
    ...(config.runtime_class === undefined ? {} : { runtimeClassName: config.runtime_class }),
    terminationGracePeriodSeconds: toldSeconds + drainSeconds(runtime) + engineEndSeconds,
    ...(workload.location.kind === 'volume' ? { initContainers: [completionCheck(served)] } : {}),
    containers: [engine(served)],
    volumes: [
      claimVolume('model', served.claim, true),
      { name: 'shm', emptyDir: { medium: 'Memory' } },
      ...writable.map(({ name }) => ({ name, emptyDir: {} })),
    ],
  };
}

/** A tree that is not whole is never served, whatever anybody believes of it. */
function completionCheck(served: Served): V1Container {
  return {
    ...ecolinkContainer(served.config, 'check', ['check-volume', '--target', served.mountPath], [modelMount(served)]),
    resources: smallResources(served.config, '10m'),
  };
}

function modelMount(served: Served) {
  return { name: 'model', mountPath: served.mountPath, readOnly: true };
}

const home = '/home/ecolink';
const writable = [
  { name: 'home', mountPath: home },
  { name: 'cache', mountPath: '/cache' },
  { name: 'tmp', mountPath: '/tmp' },
];

/**
 * Engines find a place to write for each of their habits, a name for a user id that the image's passwd file may lack,
 * and no way to fetch anything or to tell anybody of it.
 */
const engineEnvironment = {
  HOME: home,
  USER: 'ecolink',
  LOGNAME: 'ecolink',
  XDG_CACHE_HOME: '/cache',
  HF_HOME: '/cache/huggingface',
  TMPDIR: '/tmp',
  HF_HUB_OFFLINE: '1',
  TRANSFORMERS_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  DO_NOT_TRACK: '1',
};

function engine(served: Served): V1Container {
  const { config, workload, runtime, modelPath } = served;
  const filled = fillIn(workload.arguments, {
    model_path: modelPath,
    served_name: workload.servedName,
    host: '0.0.0.0',
    port: String(runtime.port),
    drain_seconds: String(drainSeconds(runtime)),
  });
  const health = { path: runtime.health, port: portName };
  return {
    name: 'engine',
    image: runtime.image,
    imagePullPolicy: config.image_pull_policy,
    ...(runtime.command === undefined ? {} : { command: runtime.command.map(literal) }),
    ...(filled.length > 0 ? { args: filled.map(literal) } : {}),
    env: environmentOf(engineEnvironment, config.environment, runtime.environment),
    ports: [{ name: portName, containerPort: runtime.port, protocol: 'TCP' }],
    resources: resourcesOf(served),
    startupProbe: probe(health, 2, Math.ceil(startSeconds(workload.bytes ?? 0) / 2), failedEndSeconds),
    readinessProbe: probe(health, 5, 3),
    // Busy engines answer late: only one that is silent for long is ended.
    livenessProbe: probe(health, 15, 8, failedEndSeconds),
    lifecycle: {
      preStop: { sleep: { seconds: runtime.ends === 'after_calls' ? toldSeconds : drainSeconds(runtime) } },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: restricted,
    volumeMounts: [modelMount(served), { name: 'shm', mountPath: '/dev/shm' }, ...writable],
  };
}

function probe(
  httpGet: { path: string; port: string },
  periodSeconds: number,
  failureThreshold: number,
  endSeconds?: number,
): V1Probe {
  const end = endSeconds === undefined ? {} : { terminationGracePeriodSeconds: endSeconds };
  return { httpGet, periodSeconds, failureThreshold, timeoutSeconds: 10, ...end };
}

function resourcesOf({ config, workload }: Served): V1ResourceRequirements {
  const { accelerator } = workload;
  const resource = config.accelerators.find((each) => each.name === accelerator?.name)?.resource;
  const counted = accelerator && resource ? { [resource]: String(accelerator.count) } : {};
  const requests = { ...config.resources.requests, ...counted };
  const limits = { ...config.resources.limits, ...counted };
  return { ...(isEmpty(requests) ? {} : { requests }), ...(isEmpty(limits) ? {} : { limits }) };
}
