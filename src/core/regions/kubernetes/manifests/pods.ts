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

/** What Pod Security "restricted" requires of a container. */
export const restricted: Plain<V1SecurityContext> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/**
 * The common part of all our pods. They get no ServiceAccount token. They get no service links either: a Service whose
 * name begins with an engine's name would change that engine's settings.
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
    nodeSelector: unlessEmpty(config.node_selector),
    tolerations: unlessEmpty(config.tolerations.map(tolerationOf)),
    priorityClassName: config.priority_class,
    imagePullSecrets: unlessEmpty(config.image_pull_secrets.map((name) => ({ name }))),
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
    args: args.map(escapeVariables),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { ...restricted, readOnlyRootFilesystem: true },
    volumeMounts: mounts,
  };
}

/**
 * For a container that looks at a volume for a moment. It has the limits of downloads: if the namespace's quota counts
 * limits, a pod is refused if one of its containers has none.
 */
export function smallResources(config: KubernetesRegionConfig, cpu: string): V1ResourceRequirements {
  return { requests: { cpu, memory: '64Mi' }, limits: unlessEmpty(config.download_resources.limits) };
}

/** Makes EcoLink's own commands trust the company's certificate authority. */
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

/** Kubernetes replaces `$(NAME)` by a variable. `$$(NAME)` stands for the text itself. */
export function escapeVariables(word: string): string {
  return word.replaceAll('$(', '$$$$(');
}

/** If a name occurs twice, the later value counts. */
export function environmentOf(...all: Record<string, string>[]): V1EnvVar[] {
  const merged = new Map(all.flatMap((each) => Object.entries(each)));
  return [...merged].map(([name, value]) => ({ name, value: escapeVariables(value) }));
}

/** The claim is read-only too, not only its mount: otherwise the kubelet could still write to the volume. */
export function claimVolume(name: string, claimName: string, readOnly: boolean): V1Volume {
  return { name, persistentVolumeClaim: { claimName, readOnly: readOnly ? true : undefined } };
}

export function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

/** Leaves empty fields out: the server drops them, and drift is found by comparison with the server's object. */
export function unlessEmpty<T extends object>(value: T): T | undefined {
  return isEmpty(value) ? undefined : value;
}

export function tolerationOf({
  key,
  operator,
  value,
  effect,
}: KubernetesRegionConfig['tolerations'][number]): Plain<V1Toleration> {
  return { key, operator, value, effect };
}
