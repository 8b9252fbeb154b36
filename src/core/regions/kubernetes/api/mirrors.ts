import type { Clock } from '../../../base/clock.ts';
import type { KubernetesClient } from './client.ts';
import type { ApiObject, Kind, LiveOf, Pod } from './kinds.ts';
import { Mirror } from './mirror.ts';
import { annotations, labels, selectorFor } from './names.ts';

/** The region's objects of every kind that is read often. */
export interface Mirrors {
  claims: Mirror<'PersistentVolumeClaim'>;
  jobs: Mirror<'Job'>;
  pods: Mirror<'Pod'>;
  deployments: Mirror<'Deployment'>;
  services: Mirror<'Service'>;
  policies: Mirror<'NetworkPolicy'>;
  budgets: Mirror<'PodDisruptionBudget'>;
  slices: Mirror<'EndpointSlice'>;
}

export interface ChangeListener {
  workloadChanged: (instance: number) => void;
  volumeChanged: (key: string) => void;
}

/** The owners that `Mirror.of` takes: an instance's objects, a volume's jobs, a job's pods. */
export const owners = {
  instance: (id: number) => `instance/${id}`,
  volume: (key: string) => `volume/${key}`,
  job: (uid: string) => `job/${uid}`,
};

function ownerOf({ metadata: { labels: all = {} } }: ApiObject): string | undefined {
  const instance = all[labels.instance];
  const job = all['batch.kubernetes.io/controller-uid'];
  const volume = all[labels.volume];
  if (instance !== undefined) return owners.instance(Number(instance));
  if (job !== undefined) return owners.job(job);
  return volume === undefined ? undefined : owners.volume(volume);
}

/** Keeps what states and reasons follow from. */
function trimPod(pod: Pod): void {
  const { containers = [], nodeName, readinessGates } = pod.spec ?? {};
  pod.spec = {
    containers: containers.map(({ name, image, ports, resources, startupProbe }) => ({
      name,
      image,
      ports,
      resources,
      startupProbe,
    })),
    nodeName,
    readinessGates,
  };
  const generation = pod.metadata.annotations?.[annotations.generation];
  pod.metadata.annotations = generation === undefined ? {} : { [annotations.generation]: generation };
}

interface MirrorsDeps {
  client: KubernetesClient;
  clock: Clock;
  region: string;
  listener: ChangeListener;
}

export function createMirrors({ client, clock, region, listener }: MirrorsDeps): Mirrors {
  const changed = ({ metadata }: ApiObject): void => {
    const instance = metadata.labels?.[labels.instance];
    const volume = metadata.labels?.[labels.volume];
    if (instance !== undefined) listener.workloadChanged(Number(instance));
    else if (volume !== undefined) listener.volumeChanged(volume);
  };
  const mirror = <K extends Kind>(kind: K, trim?: (object: LiveOf<K>) => void): Mirror<K> =>
    new Mirror({ client, clock, kind, labelSelector: selectorFor(region), ownerOf, changed, trim });
  return {
    claims: mirror('PersistentVolumeClaim'),
    jobs: mirror('Job'),
    pods: mirror('Pod', trimPod),
    deployments: mirror('Deployment'),
    services: mirror('Service'),
    policies: mirror('NetworkPolicy'),
    budgets: mirror('PodDisruptionBudget'),
    slices: mirror('EndpointSlice'),
  };
}

export async function closeMirrors(mirrors: Mirrors): Promise<void> {
  await Promise.all(Object.values(mirrors).map((mirror: { close(): Promise<void> }) => mirror.close()));
}
