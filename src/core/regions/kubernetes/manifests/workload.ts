import type { V1Container, V1Deployment, V1PodSpec, V1Probe, V1ResourceRequirements } from '@kubernetes/client-node';
import type { Workload } from '../../../region/region.ts';
import { drainSeconds, fillIn } from '../../../runtimes/runtime.ts';
import type { Manifest } from '../api/kinds.ts';
import { annotations, labels, metadataFor, workloadName } from '../api/names.ts';
import { placementOf } from './placement.ts';
import {
  claimVolume,
  ecolinkContainer,
  environmentOf,
  escapeVariables,
  podBase,
  restricted,
  smallResources,
  unlessEmpty,
} from './pods.ts';
import { portName, selectorOf, workloadLabels } from './render-input.ts';
import type { RenderInput } from './render-input.ts';

/** The slowest rate at which weights may load, in bytes per second. */
const slowestLoad = 50e6;
/** What any engine may need for its start in addition, in seconds. */
const engineSeconds = 600;
/** Endpoints learn within this time that a pod ends. No engine is told earlier. In seconds. */
const endpointSeconds = 10;
/** An engine's time to end after its last call, in seconds. */
const engineEndSeconds = 60;
/** The grace of an engine that fails its probes: it has no calls to finish. Its drain is part of this time. In seconds. */
const failedEndSeconds = 5;

/** The longest time from a replica's start until it is ready, in seconds. */
export function startSeconds(bytes: number): number {
  return Math.ceil(engineSeconds + bytes / slowestLoad);
}

export function deployment(input: RenderInput): Manifest<V1Deployment> {
  const { config, workload, runtime } = input;
  const naming = {
    name: workloadName(workload.instance, config.name),
    labels: workloadLabels(workload),
    annotations: { [annotations.model]: workload.servedName },
  };
  const { location } = workload;
  const pod = metadataFor(config, {
    name: naming.name,
    labels: { ...naming.labels, ...(location.kind === 'volume' && { [labels.volume]: location.volume }) },
    annotations: { ...naming.annotations, [annotations.generation]: String(workload.generation) },
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataFor(config, naming),
    spec: {
      replicas: workload.replicas,
      revisionHistoryLimit: 2,
      // Must be longer than a start: a slow load is no failed rollout.
      progressDeadlineSeconds: startSeconds(workload.bytes ?? 0) + drainSeconds(runtime) + 600,
      selector: { matchLabels: selectorOf(input) },
      strategy: { type: 'RollingUpdate', rollingUpdate: rolloutOf(workload) },
      template: { metadata: { labels: pod.labels, annotations: pod.annotations }, spec: podSpec(input) },
    },
  };
}

/** There may be no accelerator for one more replica, so one replica ends before its successor starts. */
function rolloutOf(workload: Workload): { maxSurge: number; maxUnavailable: number } {
  return workload.accelerator ? { maxSurge: 0, maxUnavailable: 1 } : { maxSurge: 1, maxUnavailable: 0 };
}

function podSpec(input: RenderInput): V1PodSpec {
  const { config, runtime } = input;
  return {
    ...podBase(config, runtime.user ?? config.run_as.user),
    ...placementOf(input),
    runtimeClassName: config.runtime_class,
    terminationGracePeriodSeconds: endpointSeconds + drainSeconds(runtime) + engineEndSeconds,
    initContainers: checksOf(input),
    containers: [engine(input)],
    volumes: [
      claimVolume('model', input.claim, true),
      { name: 'shm', emptyDir: { medium: 'Memory' } },
      ...writable.map(({ name }) => ({ name, emptyDir: {} })),
    ],
  };
}

function checksOf(input: RenderInput): V1Container[] | undefined {
  if (input.workload.location.kind === 'volume') return [completionCheck(input)];
  return input.subPath === undefined ? undefined : [folderCheck(input, input.subPath)];
}

/** An incomplete volume is never served, whatever its claim's annotations say. */
function completionCheck(input: RenderInput): V1Container {
  return {
    ...ecolinkContainer(input.config, 'check', ['check-volume', '--target', input.mountPath], [modelMount(input)]),
    resources: smallResources(input.config, '10m'),
  };
}

/** The container's name in a pod. `pod-problems.ts` knows it. */
export const folderCheckName = 'check-folder';

/**
 * The kubelet follows links in a `subPath`, so a link could show the engine another folder of the filesystem. This
 * container sees all of the filesystem and ends with an error then. A link inside the folder that leads out of it would
 * lead nowhere in the engine.
 */
function folderCheck(input: RenderInput, subPath: string): V1Container {
  const target = '/filesystem';
  return {
    ...ecolinkContainer(
      input.config,
      folderCheckName,
      ['check-folder', '--target', target, '--path', subPath],
      [{ name: 'model', mountPath: target, readOnly: true }],
    ),
    resources: smallResources(input.config, '10m'),
  };
}

function modelMount({ mountPath, subPath }: RenderInput) {
  return { name: 'model', mountPath, subPath, readOnly: true };
}

const home = '/home/ecolink';
const writable = [
  { name: 'home', mountPath: home },
  { name: 'cache', mountPath: '/cache' },
  { name: 'tmp', mountPath: '/tmp' },
];

/**
 * Gives engines writable folders, and a user name in case the image's passwd file lacks the user id. It also stops them
 * from fetching anything and from sending telemetry.
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

function engine(input: RenderInput): V1Container {
  const { config, workload, runtime, modelPath, modelFolder } = input;
  const args = fillIn(workload.arguments, {
    model_path: modelPath,
    model_dir: modelFolder,
    served_name: workload.servedName,
    host: '0.0.0.0',
    port: String(runtime.port),
    drain_seconds: String(drainSeconds(runtime)),
  });
  return {
    name: 'engine',
    image: runtime.image,
    imagePullPolicy: config.image_pull_policy,
    command: runtime.command?.map(escapeVariables),
    args: unlessEmpty(args.map(escapeVariables)),
    env: environmentOf(engineEnvironment, config.environment, runtime.environment),
    ports: [{ name: portName, containerPort: runtime.port, protocol: 'TCP' }],
    resources: resourcesOf(input),
    ...probesOf(input),
    lifecycle: {
      preStop: { sleep: { seconds: runtime.ends === 'after_calls' ? endpointSeconds : drainSeconds(runtime) } },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: restricted,
    volumeMounts: [modelMount(input), { name: 'shm', mountPath: '/dev/shm' }, ...writable],
  };
}

function probesOf({ workload, runtime }: RenderInput) {
  const probe = (periodSeconds: number, failureThreshold: number, endSeconds?: number): V1Probe => ({
    httpGet: { path: runtime.health, port: portName },
    periodSeconds,
    failureThreshold,
    timeoutSeconds: 10,
    terminationGracePeriodSeconds: endSeconds,
  });
  return {
    startupProbe: probe(2, Math.ceil(startSeconds(workload.bytes ?? 0) / 2), failedEndSeconds),
    readinessProbe: probe(5, 3),
    // A busy engine answers late, so only a long silence ends it.
    livenessProbe: probe(15, 8, failedEndSeconds),
  };
}

function resourcesOf({ config, workload }: RenderInput): V1ResourceRequirements {
  const { accelerator } = workload;
  const resource = config.accelerators.find((each) => each.name === accelerator?.name)?.resource;
  const counted = accelerator && resource ? { [resource]: String(accelerator.count) } : {};
  return {
    requests: unlessEmpty({ ...config.resources.requests, ...counted }),
    limits: unlessEmpty({ ...config.resources.limits, ...counted }),
  };
}
