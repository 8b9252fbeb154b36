import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1ResourceRequirements,
  V1SecurityContext,
  V1Toleration,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';

/** The library's types are classes; what is rendered is plain data. */
type Plain<T> = { [K in keyof T]: T[K] };

/** What Pod Security "restricted" asks of a container. */
export const restricted: Plain<V1SecurityContext> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/**
 * What every pod of ours has in common. No ServiceAccount token, and no service links: a Service whose name begins with
 * an engine's would end up in that engine's settings.
 */
export function podBase(config: KubernetesRegionConfig, user: number): Omit<V1PodSpec, 'containers'> {
  const { run_as: runAs } = config;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: runAs.group,
      fsGroup: runAs.fs_group,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(isEmpty(config.node_selector) ? {} : { nodeSelector: config.node_selector }),
    ...(config.tolerations.length > 0 ? { tolerations: config.tolerations.map(tolerationOf) } : {}),
    ...(config.priority_class === undefined ? {} : { priorityClassName: config.priority_class }),
    ...(config.image_pull_secrets.length > 0
      ? { imagePullSecrets: config.image_pull_secrets.map((name) => ({ name })) }
      : {}),
  };
}

/** A container of EcoLink's own image that runs one of its commands. */
export function ecolinkContainer(
  config: KubernetesRegionConfig,
  name: string,
  args: readonly string[],
  mounts: V1VolumeMount[],
): Plain<V1Container> {
  return {
    name,
    image: config.ecolink_image,
    imagePullPolicy: config.image_pull_policy,
    args: args.map(literal),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { ...restricted, readOnlyRootFilesystem: true },
    volumeMounts: mounts,
  };
}

/**
 * Of a container that looks at a volume for a moment. Its limits are those of downloads: where the namespace's quota counts
 * limits, a pod with one container that has none is refused.
 */
export function smallResources(config: KubernetesRegionConfig, cpu: string): V1ResourceRequirements {
  const { limits } = config.download_resources;
  return { requests: { cpu, memory: '64Mi' }, ...(isEmpty(limits) ? {} : { limits }) };
}

/** What lets EcoLink's own commands trust the authority that a company signs with. */
export function authorityOf(config: KubernetesRegionConfig): {
  environment: Record<string, string>;
  mounts: V1VolumeMount[];
  volumes: V1Volume[];
} {
  const name = config.ca_config_map;
  if (name === undefined) return { environment: {}, mounts: [], volumes: [] };
  return {
    environment: { NODE_EXTRA_CA_CERTS: '/authority/ca.crt' },
    mounts: [{ name: 'authority', mountPath: '/authority', readOnly: true }],
    volumes: [{ name: 'authority', configMap: { name } }],
  };
}

/** Kubernetes fills in `$(NAME)`; `$$(NAME)` is how to say just that. */
export function literal(word: string): string {
  return word.replaceAll('$(', '$$$$(');
}

/** Later ones win. */
export function environmentOf(...all: Record<string, string>[]): V1EnvVar[] {
  return Object.entries(Object.assign({}, ...all) as Record<string, string>).map(([name, value]) => ({
    name,
    value: literal(value),
  }));
}

/** The claim itself is mounted read-only too: where only the mount is, the kubelet may still write to the volume. */
export function claimVolume(name: string, claimName: string, readOnly: boolean): V1Volume {
  return { name, persistentVolumeClaim: { claimName, ...(readOnly ? { readOnly } : {}) } };
}

/** Empty fields are left out: the server drops them, and drift is seen by comparing with what it holds. */
export function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

export function tolerationOf(toleration: KubernetesRegionConfig['tolerations'][number]): V1Toleration {
  return Object.fromEntries(Object.entries(toleration).filter(([, value]) => value !== undefined)) as V1Toleration;
}
