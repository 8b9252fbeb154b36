import { kubernetesSettings, mountsOnOneNode, mountsTogether } from '../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import type { RegionCapabilities } from '../../region/capabilities.ts';
import { defineRegionKind } from '../../region/kind.ts';

/** A namespace of a cluster: volumes are claims, replicas are pods. */
export const kubernetesKind = defineRegionKind({
  settings: kubernetesSettings,
  capabilities: kubernetesCapabilities,
  // The client takes longer to load than the rest of the program.
  async load() {
    const { KubernetesRegion } = await import('./kubernetes-region.ts');
    return (deps) => new KubernetesRegion(deps);
  },
});

export function kubernetesCapabilities(config: KubernetesRegionConfig): RegionCapabilities {
  return {
    runtimeKind: 'kubernetes',
    endsWithServer: false,
    replicasDrain: true,
    // A cluster reports its changes. The poll finds what it does not report.
    pollMs: { restless: 5000, settled: 300_000 },
    imagesAllowed: config.images_allowed,
    engineEnvironment: config.environment,
    oneNodeVolumes: mountsOnOneNode(config),
    sharing: sharingOf(config),
  };
}

function sharingOf(config: KubernetesRegionConfig): RegionCapabilities['sharing'] {
  if (mountsTogether(config)) return 'copy';
  return config.share;
}
