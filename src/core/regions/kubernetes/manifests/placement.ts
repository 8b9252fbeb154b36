import type { V1PodSpec } from '@kubernetes/client-node';
import { mountsOnOneNode } from '../../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { labels } from '../api/names.ts';
import { isEmpty, tolerationOf } from './pods.ts';
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

/**
 * A download takes the zone of its region, not nodes with accelerators, which are dear and scarce. Where a volume can be reached
 * from one node alone, that node has to be one that will do to serve from: any of the accelerators', where nobody said yet which.
 */
export function downloadPlacement(
  config: KubernetesRegionConfig,
  wanted: readonly string[] | undefined,
): Partial<V1PodSpec> {
  if (!config.node_local_storage) return {};
  const accelerators = config.accelerators.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const tolerations = [...config.tolerations, ...accelerators.flatMap((each) => each.tolerations)].map(tolerationOf);
  // One whose nodes nothing tells from others may be on any of them.
  const told = accelerators.length > 0 && accelerators.every((each) => !isEmpty(each.node_selector));
  const nodeSelectorTerms = accelerators.map(({ node_selector: selector }) => ({
    matchExpressions: Object.entries(selector).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  }));
  return {
    ...(tolerations.length > 0 ? { tolerations } : {}),
    ...(told
      ? { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }
      : {}),
  };
}

/** A ReadWriteOnce volume is on one node at a time: all who mount it are held there. */
function together({ config, workload }: Served): Partial<V1PodSpec> {
  if (!mountsOnOneNode(config) || workload.location.kind !== 'volume') return {};
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
  if (mountsOnOneNode(served.config)) return {};
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
