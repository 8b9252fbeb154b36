import { localSettings } from '../../config/local-region.ts';
import { defineRegionKind } from '../../region/kind.ts';

/** This machine: volumes are folders, replicas are child processes. */
export const localKind = defineRegionKind({
  settings: localSettings,
  capabilities: () => ({
    runtimeKind: 'local',
    endsWithServer: true,
    // Connections end with their process.
    replicasDrain: false,
    pollMs: { restless: 1000, settled: 30_000 },
    oneNodeVolumes: false,
    sharing: 'link',
  }),
  async load() {
    const { LocalRegion } = await import('./local-region.ts');
    return (deps) => new LocalRegion(deps);
  },
});
