import { z } from 'zod';
import { acceleratorShape, configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionSettings } from './region-settings.ts';

const words = z.record(z.string(), z.string());
/** Kubernetes quantities: `500m`, `2Gi`. */
const quantities = z.record(
  z.string(),
  z.string().regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, 'must be a quantity such as 500m or 2Gi'),
);
const resources = z.strictObject({ requests: quantities.default({}), limits: quantities.default({}) });

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
});

const accelerator = z.strictObject({
  ...acceleratorShape,
  /** The name under which nodes offer it. */
  resource: z.string().default('nvidia.com/gpu'),
  /** Tells its nodes from others that offer the same resource. */
  node_selector: words.default({}),
  tolerations: z.array(toleration).default([]),
});

const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a namespace: lower-case letters, digits and "-"');

export const accessModes = ['ReadWriteMany', 'ReadWriteOnce'] as const;

const settings = z.strictObject({
  name: configName,
  kind: z.literal('kubernetes'),
  /** The context in the kubeconfig; its current one unless given. Never switched. */
  context: z.string().min(1).optional(),
  /** Kubeconfig file; `KUBECONFIG` or `~/.kube/config` unless given. */
  kubeconfig: pathSetting.optional(),
  /** Uses the ServiceAccount of the pod that EcoLink runs in. */
  in_cluster: z.boolean().default(false),
  namespace: namespaceName,
  /** The cluster's default class unless given. */
  storage_class: z.string().min(1).optional(),
  access_mode: z.enum(accessModes).default('ReadWriteMany'),
  /** How volumes that one node at a time can mount come to be read by several. */
  share: z.enum(['clone']).optional(),
  /** Volumes can be reached from the node alone that they were made on: downloads go to nodes with accelerators. */
  node_local_storage: z.boolean().default(false),
  accelerators: z.array(accelerator).default([]),
  /** The Hub as pods reach it; EcoLink's own unless given. */
  hub_endpoint: z.url().optional(),
  /** Runs the downloads and looks into volumes. */
  ecolink_image: z.string().min(1),
  image_pull_secrets: z.array(z.string()).default([]),
  image_pull_policy: z.enum(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'),
  /** Images that runtimes may name; a `*` stands for anything. Those of the configured and built-in runtimes unless given. */
  images_allowed: z.array(z.string().min(1)).optional(),
  runtime_class: z.string().optional(),
  priority_class: z.string().optional(),
  run_as: z
    .strictObject({
      user: z.int().positive().default(1000),
      group: z.int().positive().default(1000),
      fs_group: z.int().positive().default(1000),
    })
    .prefault({}),
  /** Of the engine's containers, beside accelerators. */
  resources: resources.prefault({}),
  /** Of the download's container. */
  download_resources: resources.prefault({
    requests: { cpu: '250m', memory: '256Mi' },
    limits: { memory: '1Gi' },
  }),
  labels: words.default({}),
  annotations: words.default({}),
  /** Proxy variables and the like, for downloads and engines. */
  environment: words.default({}),
  /** A ConfigMap whose `ca.crt` downloads trust beside the usual authorities. */
  ca_config_map: z.string().optional(),
  node_selector: words.default({}),
  tolerations: z.array(toleration).default([]),
  /** How calls reach replicas: by pod address, or, for trying out, through the API server's proxy. */
  reach: z.enum(['in-cluster', 'api-proxy']).default('in-cluster'),
});

/** A namespace of a cluster as a region. Several regions may share a namespace if their node selectors differ. */
export const kubernetesRegion = settings.superRefine((region, context) => {
  if (region.share === undefined || region.access_mode === 'ReadWriteOnce') return;
  const message = 'is for access_mode: ReadWriteOnce; ReadWriteMany is shared already';
  context.addIssue({ code: 'custom', path: ['share'], message });
});

export type KubernetesRegionConfig = z.output<typeof kubernetesRegion>;

export const kubernetesSettings: RegionSettings<KubernetesRegionConfig> = {
  kind: 'kubernetes',
  schema: kubernetesRegion,
  filesystemSetting: 'claim',
};

/** One node at a time mounts its volumes: all who read one are held there. */
export function isOfOneNode(config: KubernetesRegionConfig): boolean {
  return config.access_mode === 'ReadWriteOnce' && config.share === undefined;
}
