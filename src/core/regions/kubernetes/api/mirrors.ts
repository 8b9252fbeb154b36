import type {
  V1Deployment,
  V1EndpointSlice,
  V1Job,
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Service,
} from '@kubernetes/client-node';
import type { KubernetesClient } from './client.ts';
import type { Held, Kind, Live } from './kinds.ts';
import { Mirror } from './mirror.ts';
import { annotations, labels, selectorFor } from './names.ts';

/** The region's objects of every kind that is looked at again and again. */
export interface Mirrors {
  claims: Mirror<V1PersistentVolumeClaim>;
  jobs: Mirror<V1Job>;
  pods: Mirror<V1Pod>;
  deployments: Mirror<V1Deployment>;
  services: Mirror<V1Service>;
  policies: Mirror<V1NetworkPolicy>;
  budgets: Mirror<V1PodDisruptionBudget>;
  slices: Mirror<V1EndpointSlice>;
}

export interface Hints {
  workloadChanged: (instance: number) => void;
  volumeChanged: (key: string) => void;
}

/** What `Mirror.of` takes for an instance's objects, a volume's jobs and a job's pods. */
export const owners = {
  instance: (id: number) => `instance/${id}`,
  volume: (key: string) => `volume/${key}`,
  job: (uid: string) => `job/${uid}`,
};

function ownerOf({ metadata: { labels: all = {} } }: Held): string | undefined {
  const instance = all[labels.instance];
  const job = all['batch.kubernetes.io/controller-uid'];
  const volume = all[labels.volume];
  if (instance !== undefined) return owners.instance(Number(instance));
  if (job !== undefined) return owners.job(job);
  return volume === undefined ? undefined : owners.volume(volume);
}

/** Of a pod only what states and reasons are told from. */
function slimPod(object: Held): void {
  const pod = object as Live<V1Pod>;
  const containers = (pod.spec?.containers ?? []).map(({ name, image, ports, resources, startupProbe }) => ({
    name,
    ...(image === undefined ? {} : { image }),
    ...(ports ? { ports } : {}),
    ...(resources ? { resources } : {}),
    ...(startupProbe ? { startupProbe } : {}),
  }));
  const { nodeName, readinessGates } = pod.spec ?? {};
  pod.spec = {
    containers,
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(readinessGates ? { readinessGates } : {}),
  };
  const generation = pod.metadata.annotations?.[annotations.generation];
  pod.metadata.annotations = generation === undefined ? {} : { [annotations.generation]: generation };
}

export function createMirrors(client: KubernetesClient, region: string, hints: Hints): Mirrors {
  const changed = ({ metadata }: Held): void => {
    const instance = metadata.labels?.[labels.instance];
    const volume = metadata.labels?.[labels.volume];
    if (instance !== undefined) hints.workloadChanged(Number(instance));
    else if (volume !== undefined) hints.volumeChanged(volume);
  };
  const mirror = <T>(kind: Kind, slim?: (object: Held) => void): Mirror<T> =>
    new Mirror<T>({ client, kind, labelSelector: selectorFor(region), ownerOf, changed, ...(slim ? { slim } : {}) });
  return {
    claims: mirror('PersistentVolumeClaim'),
    jobs: mirror('Job'),
    pods: mirror('Pod', slimPod),
    deployments: mirror('Deployment'),
    services: mirror('Service'),
    policies: mirror('NetworkPolicy'),
    budgets: mirror('PodDisruptionBudget'),
    slices: mirror('EndpointSlice'),
  };
}

export async function closeMirrors(mirrors: Mirrors): Promise<void> {
  await Promise.all(Object.values(mirrors).map((mirror: Mirror<unknown>) => mirror.close()));
}
