import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { WorkKey } from '../base/work-key.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../base/log.ts';
import { LocalRegion } from './local/local-region.ts';
import { createFleet } from '../region/fleet.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Region } from '../region/region.ts';

type RegionConfig = Config['regions'][number];

/** The regions of the config, each with what it may use. */
export async function openFleet(
  config: Config,
  log: Log,
  store: string,
  nudge: (key: WorkKey) => void,
  { clock, newId }: { clock: Clock; newId: NewId },
): Promise<Fleet> {
  const shared = (region: RegionConfig) => ({
    filesystems: config.filesystems.filter((filesystem) => filesystem.region === region.name),
    runtimes: () => fleet.runtimes(region.name),
    workloadChanged: (instance: number) => nudge({ instance, region: region.name }),
    volumeChanged: (volume: string) => nudge({ volume }),
  });
  const make = async (region: RegionConfig): Promise<Region> => {
    if (region.kind === 'kubernetes') {
      // Its client takes longer to load than everything else together, so it is loaded only if a region needs it.
      const { KubernetesRegion } = await import('./kubernetes/kubernetes-region.ts');
      return new KubernetesRegion({ ...shared(region), config: region, store, clock, newId });
    }
    const { name, path } = region;
    return new LocalRegion({
      ...shared(region),
      name,
      path: path as string,
      environment: config.childEnvironment,
      log,
    });
  };
  const fleet = createFleet(config, await Promise.all(config.regions.map(make)));
  return fleet;
}
