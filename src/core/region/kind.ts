import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { RegionConfig, RegionSettings } from '../config/region-settings.ts';
import type { FilesystemConfig } from '../config/schema.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Sealer } from '../secrets/sealer.ts';
import type { RegionCapabilities } from './capabilities.ts';
import type { Region } from './region.ts';

/** What the core gives every region. */
export interface RegionDeps {
  /** The filesystems of the configuration that are in this region. */
  filesystems: readonly FilesystemConfig[];
  runtimes: () => readonly Runtime[];
  dataDir: string;
  /** Files and folders of the server besides its data folder. Engines must not read them. */
  privatePaths: readonly string[];
  /** Seals what a region keeps about its replicas. */
  sealer: Sealer;
  /** Environment variables that engines and downloads on this machine may see. */
  environment: Record<string, string>;
  /** Identity of the store: tells the objects of this store from those of another one in the same region. */
  store: string;
  log: Log;
  clock: Clock;
  newId: NewId;
  workloadChanged: (instance: number) => void;
  volumeChanged: (key: string) => void;
}

/** Makes a region. `config` holds the settings of its kind. */
export type RegionFactory<C extends RegionConfig> = (
  deps: RegionDeps & { config: C; capabilities: RegionCapabilities },
) => Region;

/** A kind of regions: a row of the table in `regions/kinds.ts`. `defineRegionKind` makes one. */
export interface RegionKind {
  settings: RegionSettings;
  open(config: RegionConfig, deps: RegionDeps): Promise<Region>;
}

interface RegionKindDescription<C extends RegionConfig> {
  settings: RegionSettings<C>;
  capabilities: (config: C) => RegionCapabilities;
  /** Called if the configuration has such a region, so that a large dependency is loaded only then. */
  load: () => Promise<RegionFactory<C>>;
}

export function defineRegionKind<C extends RegionConfig>(kind: RegionKindDescription<C>): RegionKind {
  return {
    settings: kind.settings,
    async open(given, deps) {
      const config = kind.settings.schema.parse(given);
      const create = await kind.load();
      return create({ ...deps, config, capabilities: kind.capabilities(config) });
    },
  };
}
