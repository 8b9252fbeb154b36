import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesRuntime } from '../../../config/schema.ts';
import type { Workload } from '../../../region/region.ts';
import { labels } from '../api/names.ts';

/** Everything that an instance's objects in a region are rendered from. */
export interface RenderInput {
  config: KubernetesRegionConfig;
  workload: Workload;
  runtime: KubernetesRuntime;
  /** The namespace of EcoLink itself, if it runs in this cluster. */
  serverNamespace?: string | undefined;
  claim: string;
  /** Where the claim is mounted. */
  mountPath: string;
  /** The only folder of the claim that the engine sees. Undefined: all of it. */
  subPath?: string | undefined;
  modelPath: string;
  /** The model's folder, also if `modelPath` is a file in it. */
  modelFolder: string;
}

/** The name of the engine's port in probes, the Service and the NetworkPolicy. */
export const portName = 'http';

export function workloadLabels(workload: Workload): Record<string, string> {
  return { [labels.name]: 'ecolink-instance', [labels.instance]: String(workload.instance) };
}

/** A selector cannot be changed later, so it holds only labels that never change. */
export function selectorOf({ config, workload }: RenderInput): Record<string, string> {
  return { [labels.region]: config.name, [labels.instance]: String(workload.instance) };
}
