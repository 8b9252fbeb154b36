import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import { filledName } from './share.ts';
import { annotations, labels, metadataFor } from '../api/names.ts';

const mib = 1024 ** 2;

/** Files, a tenth for what file systems keep for themselves, and 1 GiB for parts and journals; whole MiB. */
export function claimBytes(bytes: number): number {
  return Math.ceil((bytes + Math.ceil(bytes / 10) + 1024 * mib) / mib) * mib;
}

export function volumeClaim(
  config: KubernetesRegionConfig,
  key: string,
  manifest: PullManifest,
): V1PersistentVolumeClaim {
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, {
      name: filledName(config, key),
      labels: { [labels.name]: 'ecolink-volume', [labels.volume]: key },
      annotations: { [annotations.repo]: manifest.repo, [annotations.commit]: manifest.commit },
    }),
    spec: claimSpec(config, `${claimBytes(bytes) / mib}Mi`),
  };
}

/** A small claim, to see whether the region's storage does what the config says. */
export function probeClaim(config: KubernetesRegionConfig, name: string): V1PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, { name, labels: { [labels.name]: 'ecolink-errand' } }),
    spec: claimSpec(config, '1Gi'),
  };
}

function claimSpec(config: KubernetesRegionConfig, storage: string): V1PersistentVolumeClaimSpec {
  return {
    accessModes: [config.access_mode],
    ...(config.storage_class === undefined ? {} : { storageClassName: config.storage_class }),
    resources: { requests: { storage } },
  };
}
