import { homedir } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { fail } from '../base/errors.ts';
import type { NewId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { WorkKey } from '../base/work-key.ts';
import type { Config } from '../config/config.ts';
import type { RegionConfig } from '../config/region-settings.ts';
import { createFleet } from '../region/fleet.ts';
import type { Fleet } from '../region/fleet.ts';
import type { RegionDeps, RegionKind } from '../region/kind.ts';
import type { Region } from '../region/region.ts';
import type { Sealer } from '../secrets/sealer.ts';

export interface FleetDeps {
  config: Config;
  kinds: readonly RegionKind[];
  log: Log;
  clock: Clock;
  newId: NewId;
  /** Identity of the store. */
  store: string;
  sealer: Sealer;
  nudge: (key: WorkKey) => void;
}

/** Opens the regions of the configuration. Throws `bad_config` for a region of an unknown kind. */
export async function openFleet(deps: FleetDeps): Promise<Fleet> {
  const { config, kinds, nudge } = deps;
  const depsOf = (region: RegionConfig): RegionDeps => ({
    filesystems: config.filesystems.filter((filesystem) => filesystem.region === region.name),
    runtimes: () => fleet.runtimes(region.name),
    dataDir: config.dataDir,
    privatePaths: privatePaths(config),
    sealer: deps.sealer,
    environment: config.childEnvironment,
    store: deps.store,
    log: deps.log,
    clock: deps.clock,
    newId: deps.newId,
    workloadChanged: (instance: number) => nudge({ instance, region: region.name }),
    volumeChanged: (volume: string) => nudge({ volume }),
  });
  const open = async (region: RegionConfig): Promise<Region> => kindOf(region, kinds).open(region, depsOf(region));
  const fleet = createFleet(config, await Promise.all(config.regions.map(open)));
  return fleet;
}

/** The account of the server, its keys, and every place with models. */
function privatePaths({ secrets, files, filesystems, regions }: Config): string[] {
  const models = [...filesystems, ...regions].map((each) => ('path' in each ? each.path : undefined));
  return [
    homedir(),
    secrets.auditKey.file,
    secrets.key.file,
    ...files,
    ...models.filter((each) => typeof each === 'string'),
  ];
}

function kindOf(region: RegionConfig, kinds: readonly RegionKind[]): RegionKind {
  const found = kinds.find(({ settings }) => settings.kind === region.kind);
  if (found) return found;
  const known = kinds.map(({ settings }) => settings.kind);
  throw fail('bad_config', `The region ${region.name} has the unknown kind "${region.kind}".`, {
    nextStep: `Correct the kind in ecolink.yaml: ${known.join(' or ')}.`,
    validValues: known,
  });
}
