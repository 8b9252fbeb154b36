import type {
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1VolumeResourceRequirements,
} from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import type { Claim, Manifest } from '../api/kinds.ts';
import { annotations, labels, metadataFor } from '../api/names.ts';
import { quantityOf } from '../api/quantity.ts';
import { downloadClaimName } from './clone.ts';
import { podTaskLabel } from './pod-task.ts';

const mib = 1024 ** 2;

/** The files, a tenth more for the file system, and 1 GiB for parts and journals. Whole MiB. */
export function claimBytes(bytes: number): number {
  return Math.ceil((bytes + Math.ceil(bytes / 10) + 1024 * mib) / mib) * mib;
}

/** The claim that a download fills. With a donor, the storage fills it first with a copy of that claim. */
export function volumeClaim(
  config: KubernetesRegionConfig,
  key: string,
  manifest: PullManifest,
  donor?: Claim,
): Manifest<V1PersistentVolumeClaim> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  const storage = `${claimBytes(bytes) / mib}Mi`;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataFor(config, {
      name: downloadClaimName(config, key),
      labels: { [labels.name]: 'ecolink-volume', [labels.volume]: key },
      annotations: { [annotations.repo]: manifest.repo, [annotations.commit]: manifest.commit },
    }),
    spec: donor === undefined ? claimSpec(config, storage) : clonedSpec(config, storage, donor),
  };
}

/** A clone has its source's class, and is no smaller. */
function clonedSpec(config: KubernetesRegionConfig, own: string, donor: Claim): V1PersistentVolumeClaimSpec {
  const theirs = donor.status?.capacity?.['storage'] ?? storageOf(donor.spec?.resources);
  const storage = (quantityOf(own) ?? 0) >= (quantityOf(theirs) ?? 0) ? own : theirs;
  return {
    accessModes: [config.access_mode],
    storageClassName: donor.spec?.storageClassName,
    resources: { requests: { storage } },
    dataSource: { kind: 'PersistentVolumeClaim', name: donor.metadata.name },
  };
}

function storageOf(resources: V1VolumeResourceRequirements | undefined): string {
  return resources?.requests?.['storage'] ?? '0';
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
