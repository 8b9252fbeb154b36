import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { digestOf } from '../../../base/ids.ts';

const domain = 'ecolink.dev';

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  region: `${domain}/region`,
  instance: `${domain}/instance`,
  volume: `${domain}/volume`,
  attempt: `${domain}/attempt`,
  /** On claims that others made: the filesystem's name, under which models can be registered. */
  filesystem: `${domain}/filesystem`,
} as const;

export const annotations = {
  /** On a claim: the UID of the claim that is complete, and its bytes. The UID matters because annotations may be copied. */
  complete: `${domain}/complete`,
  /** On a download: the UID of the claim that it fills. */
  claim: `${domain}/claim-uid`,
  /** On a download, while its token's Secret may exist: `held`, later the Secret's UID. */
  token: `${domain}/token`,
  /** On a download: the other claims that it mounts, separated by commas. */
  donors: `${domain}/donors`,
  /** On a download: the claim that the storage copies into its own, before it starts. */
  cloned: `${domain}/cloned-from`,
  /** On a download: the UID of the ConfigMap with its file list. */
  list: `${domain}/list`,
  /** On every applied object: the hash of what was rendered. */
  rendered: `${domain}/rendered`,
  generation: `${domain}/generation`,
  /** On a download: the bytes of all its files. */
  bytes: `${domain}/bytes`,
  /** On claims that others made and that are filesystems: the path where engines mount them. */
  mountPath: `${domain}/mount-path`,
  model: `${domain}/model`,
  repo: `${domain}/repo`,
  commit: `${domain}/commit`,
} as const;

/** The labels of EcoLink's own pods, as its chart sets them. Only these pods may call replicas. */
export const callingPods = {
  matchLabels: { [labels.name]: 'ecolink' },
  matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'In', values: ['server', 'gateway'] }],
};

const longest = 50;

/** A DNS label of at most 50 characters. A longer name, or one with other characters, ends in a hash of the whole. */
export function nameFor(...parts: (string | number)[]): string {
  const whole = parts.join('-');
  const slug = whole.replace(/[^a-z0-9-]+/g, '-');
  if (slug === whole && slug.length <= longest) return slug;
  return `${slug.slice(0, longest - 9).replace(/-+$/, '')}-${digestOf(whole).slice(0, 8)}`;
}

export function workloadName(instance: number, region: string): string {
  return nameFor('instance', instance, region);
}

export function attemptName(volume: string, attempt: number): string {
  return nameFor(volume, attempt);
}

/** The labels of everything that a region owns. */
export function ownLabels(region: string): Record<string, string> {
  return { [labels.managedBy]: 'ecolink', [labels.region]: region };
}

export function selectorFor(region: string): string {
  return Object.entries(ownLabels(region))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

export interface Naming {
  name: string;
  labels: Record<string, string>;
  annotations?: Record<string, string> | undefined;
}

/** An object's metadata. The labels and annotations of the region's configuration cannot replace ours. */
export function metadataFor(config: KubernetesRegionConfig, naming: Naming) {
  return {
    name: naming.name,
    namespace: config.namespace,
    labels: { ...config.labels, ...naming.labels, ...ownLabels(config.name) },
    annotations: { ...config.annotations, ...naming.annotations },
  };
}
