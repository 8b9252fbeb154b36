import type { V1PodSpec } from '@kubernetes/client-node';
import { labels } from '../names.ts';
import { tolerationOf } from './pods.ts';
import { selectorOf } from './served.ts';
import type { Served } from './served.ts';

const hostname = 'kubernetes.io/hostname';

/** Which nodes an instance's pods go to, beside what the region says of all its pods. */
export function placementOf(served: Served): Partial<V1PodSpec> {
  const { config, workload } = served;
  const accelerator = config.accelerators.find((each) => each.name === workload.accelerator?.name);
  const nodeSelector = { ...config.node_selector, ...accelerator?.node_selector };
  const tolerations = [...config.tolerations, ...(accelerator?.tolerations ?? [])].map(tolerationOf);
  return {
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(tolerations.length > 0 ? { tolerations } : {}),
    ...together(served),
    ...apart(served),
  };
}

/** A ReadWriteOnce volume is on one node at a time: all who mount it are held there. */
function together({ config, workload }: Served): Partial<V1PodSpec> {
  if (config.access_mode !== 'ReadWriteOnce' || workload.location.kind !== 'volume') return {};
  const matchLabels = { [labels.volume]: workload.location.volume };
  return {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels }, topologyKey: hostname }],
      },
    },
  };
}

/** Whatever the number of replicas: a scale that changed the pods' template would replace those that run. */
function apart(served: Served): Partial<V1PodSpec> {
  if (served.config.access_mode === 'ReadWriteOnce') return {};
  return {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: hostname,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(served) },
      },
    ],
  };
}
