import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { Held, Live } from '../api/kinds.ts';
import { annotations, labels, metadataFor, nameFor } from '../api/names.ts';
import { errandJob } from './pod-task.ts';

/** Of the claim that a download fills. Where volumes are shared as clones, the one that is served has the volume's own name. */
export function filledName(config: KubernetesRegionConfig, key: string): string {
  return config.share === undefined ? key : nameFor(key, 'fill');
}

export function shareName(key: string): string {
  return nameFor(key, 'share');
}

/** A copy that many nodes can read, made by the storage from a claim that is complete. */
export function sharedClaim(
  config: KubernetesRegionConfig,
  key: string,
  filled: Live<V1PersistentVolumeClaim>,
): V1PersistentVolumeClaim {
  const told = filled.metadata.annotations ?? {};
  // The class and the size have to be the same.
  const { storageClassName, resources } = filled.spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, {
      name: key,
      labels: { [labels.name]: 'ecolink-volume', [labels.volume]: key },
      annotations: {
        [annotations.repo]: told[annotations.repo] ?? '',
        [annotations.commit]: told[annotations.commit] ?? '',
      },
    }),
    spec: {
      accessModes: ['ReadOnlyMany'],
      ...(storageClassName === undefined ? {} : { storageClassName }),
      ...(resources === undefined ? {} : { resources }),
      dataSource: { kind: 'PersistentVolumeClaim', name: filledName(config, key) },
    },
  };
}

/** Mounts the copy, which binds it where classes wait for a first consumer, and looks whether all of it is there. */
export function shareJob(config: KubernetesRegionConfig, key: string, { metadata }: Held): V1Job {
  return errandJob(config, {
    name: shareName(key),
    claim: key,
    mountPath: '/volume',
    writes: false,
    args: ['check-volume', '--target', '/volume'],
    deadlineSeconds: 3600,
    about: { volume: key, claim: metadata.uid },
  });
}
