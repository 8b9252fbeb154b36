import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import type { Claim, Manifest } from '../api/kinds.ts';
import { annotations, labels, metadataFor } from '../api/names.ts';
import { bytesOfQuantity } from '../api/quantity.ts';
import { downloadClaimName } from './clone.ts';
import { podTaskLabel } from './pod-task.ts';

const mib = 1024 ** 2;

/** The files, a tenth more for the file system, and 1 GiB for parts and journals. Whole MiB. */
export function claimBytes(bytes: number): number {
  return Math.ceil((bytes + Math.ceil(bytes / 10) + 1024 * mib) / mib) * mib;
}

export function volumeClaim(
  config: KubernetesRegionConfig,
  key: string,
  manifest: PullManifest,
  donor?: Claim,
): Manifest<V1PersistentVolumeClaim> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, {
      name: downloadClaimName(config, key),
      labels: { [labels.name]: 'ecolink-volume', [labels.volume]: key },
      annotations: { [annotations.repo]: manifest.repo, [annotations.commit]: manifest.commit },
    }),
    spec: donor ? cloneSpec(config, bytes, donor) : claimSpec(config, `${claimBytes(bytes) / mib}Mi`),
  };
}

/** A clone has the class of its donor, and at least its size, which the storage may have rounded up. */
function cloneSpec(
  config: KubernetesRegionConfig,
  bytes: number,
  { metadata, spec, status }: Claim,
): V1PersistentVolumeClaimSpec {
  const sizes = [status?.capacity?.['storage'], spec?.resources?.requests?.['storage']];
  const least = sizes.flatMap((size) => bytesOfQuantity(size ?? '') ?? []);
  const storage = Math.ceil(Math.max(claimBytes(bytes), ...least) / mib) * mib;
  return {
    accessModes: [config.access_mode],
    storageClassName: spec?.storageClassName,
    resources: { requests: { storage: `${storage / mib}Mi` } },
    dataSource: { kind: 'PersistentVolumeClaim', name: metadata.name },
  };
}

/** A small claim that shows whether the region's storage works as configured. */
export function probeClaim(config: KubernetesRegionConfig, name: string): Manifest<V1PersistentVolumeClaim> {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, { name, labels: { [labels.name]: podTaskLabel } }),
    spec: claimSpec(config, '1Gi'),
  };
}

function claimSpec(config: KubernetesRegionConfig, storage: string): V1PersistentVolumeClaimSpec {
  return {
    accessModes: [config.access_mode],
    storageClassName: config.storage_class,
    resources: { requests: { storage } },
  };
}
