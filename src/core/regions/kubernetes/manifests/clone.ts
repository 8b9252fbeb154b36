import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { ApiObject, Claim, Manifest } from '../api/kinds.ts';
import { annotations, labels, metadataFor, nameFor } from '../api/names.ts';
import { podTaskJob } from './pod-task.ts';

/** The claim that a download fills. With `share: clone`, the volume's own name belongs to the clone, which is served. */
export function downloadClaimName(config: KubernetesRegionConfig, key: string): string {
  return config.share === undefined ? key : nameFor(key, 'fill');
}

/** The Job that checks the clone. */
export function cloneCheckName(key: string): string {
  return nameFor(key, 'share');
}

/** A copy that many nodes can read. The storage makes it from a complete claim. */
export function cloneClaim(
  config: KubernetesRegionConfig,
  key: string,
  { metadata, spec }: Claim,
): Manifest<V1PersistentVolumeClaim> {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, {
      name: key,
      labels: { [labels.name]: 'ecolink-volume', [labels.volume]: key },
      annotations: {
        [annotations.repo]: metadata.annotations?.[annotations.repo] ?? '',
        [annotations.commit]: metadata.annotations?.[annotations.commit] ?? '',
      },
    }),
    spec: {
      accessModes: ['ReadOnlyMany'],
      // A clone must have its source's class and size.
      storageClassName: spec?.storageClassName,
      resources: spec?.resources,
      dataSource: { kind: 'PersistentVolumeClaim', name: downloadClaimName(config, key) },
    },
  };
}

/** Mounts the clone and checks that it is complete. The mount also binds it if its class waits for a first consumer. */
export function cloneCheckJob(config: KubernetesRegionConfig, key: string, clone: ApiObject): Manifest<V1Job> {
  return podTaskJob(config, {
    name: cloneCheckName(key),
    claim: key,
    mountPath: '/volume',
    writes: false,
    args: ['check-volume', '--target', '/volume'],
    deadlineSeconds: 3600,
    about: { volume: key, claim: clone.metadata.uid },
  });
}
