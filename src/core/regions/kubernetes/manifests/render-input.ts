import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesRuntime } from '../../../config/schema.ts';
import type { Workload } from '../../../region/region.ts';
import { labels } from '../api/names.ts';

/** Everything that the objects of an instance in a region are rendered from. */
export interface Served {
  config: KubernetesRegionConfig;
  workload: Workload;
  runtime: KubernetesRuntime;
  /** Where EcoLink itself runs, if that is in this cluster. */
  serverNamespace?: string;
  claim: string;
  /** Where the claim is mounted. */
  mountPath: string;
  modelPath: string;
}

/** Of the engine's port: probes, the Service and the NetworkPolicy name it. */
export const portName = 'http';

export function workloadLabels(workload: Workload): Record<string, string> {
  return { [labels.name]: 'ecolink-instance', [labels.instance]: String(workload.instance) };
}

/** Selectors cannot be changed later: only what never does. */
export function selectorOf({ config, workload }: Served): Record<string, string> {
  return { [labels.region]: config.name, [labels.instance]: String(workload.instance) };
}
