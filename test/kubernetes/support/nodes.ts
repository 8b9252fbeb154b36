import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node';
import type { ControlPlane } from '../../support/control-plane.ts';

/** What a node does with a pod. `hold`: nothing yet. */
export type Play =
  | 'hold'
  | 'run'
  | 'ready'
  | { exit: number; message?: string; reason?: string }
  | { evicted: string }
  | { waiting: string; message: string }
  | { crashed: number; message: string; restarts: number; reason?: string };

export interface StandIn extends AsyncDisposable {
  /** Called again and again for every pod. Undefined means the default: downloads and pod tasks succeed, engines get ready. */
  rule: (pod: V1Pod) => Play | undefined;
  /** A pod's log. */
  log: (pod: string) => string;
  /** The address of all pods. If undefined, each pod gets its own. */
  address: string | undefined;
  /** The digest that nodes find for an image's name. */
  digest: (image: string) => string | undefined;
  /** True for pods on a lost node: they do not end. */
  lost: (pod: V1Pod) => boolean;
  /** The reclaim policy of new volumes. */
  reclaim: 'Delete' | 'Retain';
  /** False while the storage does not get to its clones. */
  clones: boolean;
  /** The only node that reaches new volumes. If undefined, all nodes do. */
  nodeLocal: string | undefined;
}

interface NodeOptions {
  name: string;
  labels?: Record<string, string>;
  accelerators?: number;
}

const provisioner = 'stand-in.test/none';
const storageClasses = [
  {
    metadata: { name: 'stand-in', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner,
  },
  { metadata: { name: 'stand-in-retain' }, provisioner, reclaimPolicy: 'Retain' },
];

/** Plays nodes with their kubelets, and a storage. A rule decides how far pods get. The control plane itself is real. */
export async function startNodes(plane: ControlPlane, nodes: readonly NodeOptions[]): Promise<StandIn> {
  await using undo = new AsyncDisposableStack();
  const state = {
    rule: () => undefined,
    log: () => '',
    lost: () => false,
    digest: () => undefined,
    reclaim: 'Delete',
    clones: true,
  } as unknown as StandIn;
  const logs = createServer(await plane.certificate(), (request, response) => {
    const [, , , pod] = (request.url ?? '').split('/');
    response.end(state.log(pod ?? ''));
  });
  logs.listen(0, '127.0.0.1');
  await once(logs, 'listening');
  undo.defer(() => new Promise<void>((resolve) => void logs.close(() => resolve())));
  undo.defer(() => logs.closeAllConnections());
  for (const node of nodes) await makeNode(plane, node, (logs.address() as AddressInfo).port);
  for (const each of storageClasses) await plane.call('POST', '/apis/storage.k8s.io/v1/storageclasses', each);
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      // The API server may be away for a while in a test.
      await step(plane, state).catch(() => {});
      await delay(60);
    }
  })();
  undo.defer(async () => {
    stop.abort();
    await running;
  });
  const parts = undo.move();
  return Object.assign(state, { [Symbol.asyncDispose]: () => parts.disposeAsync() });
}

async function makeNode(plane: ControlPlane, node: NodeOptions, port: number): Promise<void> {
  const capacity = {
    cpu: '640',
    memory: '2560Gi',
    pods: '5000',
    'ephemeral-storage': '500Gi',
    ...(node.accelerators === undefined ? {} : { 'nvidia.com/gpu': String(node.accelerators) }),
  };
  await plane.call('POST', '/api/v1/nodes', {
    metadata: { name: node.name, labels: { 'kubernetes.io/hostname': node.name, ...node.labels } },
  });
  const status = {
    capacity,
    allocatable: capacity,
    conditions: [condition('Ready', true)],
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await plane.call('PATCH', `/api/v1/nodes/${node.name}/status`, { status }, 'application/merge-patch+json');
  // The node controller taints what it has not seen ready yet.
  await plane.call('PATCH', `/api/v1/nodes/${node.name}`, { spec: { taints: null } }, 'application/merge-patch+json');
}

async function step(plane: ControlPlane, state: StandIn): Promise<void> {
  const claims = await plane.call<{ items: V1PersistentVolumeClaim[] }>('GET', '/api/v1/persistentvolumeclaims');
  for (const claim of claims.items) {
    const waits = claim.spec?.dataSource !== undefined && !state.clones;
    if (claim.status?.phase === 'Pending' && claim.spec?.storageClassName?.startsWith('stand-in') && !waits)
      await provide(plane, claim, state);
  }
  const pods = await plane.call<{ items: V1Pod[] }>('GET', '/api/v1/pods');
  for (const pod of pods.items) await tend(plane, state, pod).catch(() => {});
}

async function provide(
  plane: ControlPlane,
  claim: V1PersistentVolumeClaim,
  { reclaim, nodeLocal }: StandIn,
): Promise<void> {
  const { name, namespace, uid } = claim.metadata ?? {};
  const volume = {
    metadata: { name: `pv-${uid}` },
    spec: {
      accessModes: claim.spec?.accessModes,
      capacity: claim.spec?.resources?.requests,
      storageClassName: claim.spec?.storageClassName,
      persistentVolumeReclaimPolicy: reclaim,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      ...(nodeLocal === undefined ? {} : { nodeAffinity: onNode(nodeLocal) }),
      nfs: { server: 'nowhere.test', path: '/' },
    },
  };
  await plane.call('POST', '/api/v1/persistentvolumes', volume).catch(() => {});
}

function onNode(name: string): object {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }];
  return { required: { nodeSelectorTerms: [{ matchExpressions }] } };
}

async function tend(plane: ControlPlane, state: StandIn, pod: V1Pod): Promise<void> {
  const { name, namespace, uid } = pod.metadata ?? {};
  if (!pod.spec?.nodeName) return;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (pod.metadata?.deletionTimestamp) {
    if (state.lost(pod)) return;
    // As a kubelet does: it first reports the end of the containers, then deletes the object.
    const over = ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
    if (!over) await patchStatus(plane, path, statusFor(pod, { exit: 143 }, undefined));
    await plane.call('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } });
    return;
  }
  if (['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) return;
  const play = state.rule(pod) ?? defaultPlay(pod);
  if (play === 'hold') return;
  const status = statusFor(pod, play, state.address, state.digest);
  const told = JSON.stringify(play);
  if (played.get(uid as string) === told) return;
  await patchStatus(plane, path, status);
  played.set(uid as string, told);
}

const played = new Map<string, string>();

function defaultPlay(pod: V1Pod): Play {
  return pod.spec?.restartPolicy === 'Never' ? { exit: 0 } : 'ready';
}

function patchStatus(plane: ControlPlane, path: string, status: object): Promise<unknown> {
  return plane.call('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
}

let addresses = 0;

function statusFor(
  pod: V1Pod,
  play: Exclude<Play, 'hold'>,
  given: string | undefined,
  digest: StandIn['digest'] = () => undefined,
): object {
  const container = pod.spec?.containers[0];
  const image = container?.image ?? '';
  const found = digest(image);
  const imageID = found === undefined ? 'stand-in' : `${image.split(/[:@]/)[0]}@${found}`;
  const base = { name: container?.name, image, imageID, restartCount: 0 };
  const now = new Date().toISOString();
  const address = given ?? pod.status?.podIP ?? `10.244.${(++addresses >> 8) & 255}.${addresses & 255}`;
  const shared = { podIP: address, podIPs: [{ ip: address }], startTime: now };
  if (play === 'run' || play === 'ready') {
    const ready = play === 'ready';
    const containerStatuses = [{ ...base, ready, started: ready, state: { running: { startedAt: now } } }];
    return { ...shared, phase: 'Running', conditions: conditions(pod, ready), containerStatuses };
  }
  if ('exit' in play) {
    const { exit: exitCode, message, reason } = play;
    const terminated = {
      exitCode,
      message,
      reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      startedAt: now,
      finishedAt: now,
    };
    return {
      ...shared,
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      conditions: conditions(pod, false),
      containerStatuses: [{ ...base, ready: false, state: { terminated } }],
    };
  }
  if ('evicted' in play) {
    const conditionsNow = [...conditions(pod, false), condition('DisruptionTarget', true)];
    return { ...shared, phase: 'Failed', reason: 'Evicted', message: play.evicted, conditions: conditionsNow };
  }
  if ('waiting' in play) {
    const waiting = { reason: play.waiting, message: play.message };
    return {
      ...shared,
      phase: 'Pending',
      conditions: conditions(pod, false),
      containerStatuses: [{ ...base, ready: false, state: { waiting } }],
    };
  }
  const terminated = {
    exitCode: play.crashed,
    message: play.message,
    reason: play.reason ?? 'Error',
    startedAt: now,
    finishedAt: now,
  };
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off' };
  const crashed = { ...base, ready: false, restartCount: play.restarts, state: { waiting }, lastState: { terminated } };
  return { ...shared, phase: 'Running', conditions: conditions(pod, false), containerStatuses: [crashed] };
}

function conditions(pod: V1Pod, ready: boolean): object[] {
  const kept = (pod.status?.conditions ?? []).filter(({ type }) => !['Ready', 'ContainersReady'].includes(type));
  return [...kept, condition('Ready', ready), condition('ContainersReady', ready)];
}

function condition(type: string, met: boolean): object {
  return { type, status: met ? 'True' : 'False', lastTransitionTime: new Date().toISOString() };
}
