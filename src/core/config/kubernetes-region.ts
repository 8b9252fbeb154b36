import { z } from 'zod';
import { engineEgress } from './engine-egress.ts';
import { acceleratorShape, configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionSettings } from './region-settings.ts';

const texts = z.record(z.string(), z.string());
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
  /** Its resource name on nodes. */
  resource: z.string().default('nvidia.com/gpu'),
  /** Selects its nodes if other nodes have the same resource. */
  node_selector: texts.default({}),
  tolerations: z.array(toleration).default([]),
});

const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a namespace: lower-case letters, digits and "-"');

export const accessModes = ['ReadWriteMany', 'ReadWriteOnce'] as const;

const settings = z.strictObject({
  name: configName,
  kind: z.literal('kubernetes'),
  /** The context in the kubeconfig. Default: the current one. EcoLink never switches it. */
  context: z.string().min(1).optional(),
  /** Kubeconfig file. Default: `KUBECONFIG` or `~/.kube/config`. */
  kubeconfig: pathSetting.optional(),
  /** Use the ServiceAccount of the pod that EcoLink runs in. */
  in_cluster: z.boolean().default(false),
  namespace: namespaceName,
  /** Default: the default class of the cluster. */
  storage_class: z.string().min(1).optional(),
  access_mode: z.enum(accessModes).default('ReadWriteMany'),
  /** How several nodes get a volume that only one node at a time can mount. */
  share: z.enum(['clone']).optional(),
  /** Only the node that made a volume can mount it, so downloads run on nodes with accelerators. */
  node_local_storage: z.boolean().default(false),
  accelerators: z.array(accelerator).default([]),
  /** URL of the Hub for pods. Default: the one of EcoLink itself. */
  hub_endpoint: z.url().optional(),
  /** Image of the pods that download and read volumes. */
  ecolink_image: z.string().min(1),
  image_pull_secrets: z.array(z.string()).default([]),
  image_pull_policy: z.enum(['IfNotPresent', 'Always', 'Never']).default('IfNotPresent'),
  /** Images that runtimes may use; `*` matches anything. Default: the images of configured and built-in runtimes. */
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
  /** Resources of engine containers, besides accelerators. */
  resources: resources.prefault({}),
  /** Resources of the download container. */
  download_resources: resources.prefault({
    requests: { cpu: '250m', memory: '256Mi' },
    limits: { memory: '1Gi' },
  }),
  labels: texts.default({}),
  annotations: texts.default({}),
  /** Environment variables for downloads and engines, such as proxies. */
  environment: texts.default({}),
  /** What engines may call besides the cluster's DNS. Downloads are not limited. */
  engine_egress: engineEgress.default([]),
  /** A ConfigMap whose `ca.crt` downloads trust, besides the usual authorities. */
  ca_config_map: z.string().optional(),
  node_selector: texts.default({}),
  tolerations: z.array(toleration).default([]),
  /** How calls reach replicas: by pod address, or through the API server's proxy, which is for trials. */
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

/** True if a download can mount other volumes beside its own, while replicas on other nodes read them. */
export function mountsTogether(config: KubernetesRegionConfig): boolean {
  return config.access_mode === 'ReadWriteMany' && !config.node_local_storage;
}

/** True if only one node at a time can mount a volume. All pods that read the volume then run on that node. */
export function mountsOnOneNode(config: KubernetesRegionConfig): boolean {
  return config.access_mode === 'ReadWriteOnce' && config.share === undefined;
}
