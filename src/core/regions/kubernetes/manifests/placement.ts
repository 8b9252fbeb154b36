import type { V1PodSpec } from '@kubernetes/client-node';
import { mountsOnOneNode } from '../../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { labels } from '../api/names.ts';
import { isEmpty, tolerationOf, unlessEmpty } from './pods.ts';
import { selectorOf } from './render-input.ts';
import type { RenderInput } from './render-input.ts';

const hostname = 'kubernetes.io/hostname';

/** Which nodes an instance's pods may run on. This includes what the region says for all its pods. */
export function placementOf(input: RenderInput): Partial<V1PodSpec> {
  const { config, workload } = input;
  const accelerator = config.accelerators.find((each) => each.name === workload.accelerator?.name);
  const tolerations = [...config.tolerations, ...(accelerator?.tolerations ?? [])].map(tolerationOf);
  return {
    nodeSelector: unlessEmpty({ ...config.node_selector, ...accelerator?.node_selector }),
    tolerations: unlessEmpty(tolerations),
    ...sameNode(input),
    ...spread(input),
  };
}

/**
 * A download goes to the region's zone, not to nodes with accelerators: those are expensive and scarce. If only one node
 * can reach a volume, that node must be able to serve it. `wanted`: the accelerators of its readers, all if undefined.
 */
export function downloadPlacement(
  config: KubernetesRegionConfig,
  wanted: readonly string[] | undefined,
): Partial<V1PodSpec> {
  if (!config.node_local_storage) return {};
  const accelerators = config.accelerators.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const tolerations = [...config.tolerations, ...accelerators.flatMap((each) => each.tolerations)].map(tolerationOf);
  // An accelerator without a node selector may be on any node.
  const areNodesKnown = accelerators.length > 0 && accelerators.every((each) => !isEmpty(each.node_selector));
  const nodeSelectorTerms = accelerators.map(({ node_selector: selector }) => ({
    matchExpressions: Object.entries(selector).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  }));
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return { tolerations: unlessEmpty(tolerations), affinity: areNodesKnown ? { nodeAffinity } : undefined };
}

/** One node at a time can mount a ReadWriteOnce volume, so all its pods run on the same node. */
function sameNode({ config, workload }: RenderInput): Partial<V1PodSpec> {
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

/** Does not depend on the number of replicas: if a scale changed the pod template, it would replace running pods. */
function spread(input: RenderInput): Partial<V1PodSpec> {
  if (mountsOnOneNode(input.config)) return {};
  return {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: hostname,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(input) },
      },
    ],
  };
}
