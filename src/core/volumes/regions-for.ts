import { EcolinkError } from '../base/errors.ts';
import { rankRegions, regionChoice } from '../plan/choose-regions.ts';
import type { RegionStanding } from '../plan/choose-regions.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import type { VolumeFact } from '../plan/plan-launch.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Sources } from '../registry/sources/sources.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Store } from '../store/store.ts';
import { sharedBytes } from './donors.ts';
import { volumeOf } from './model-volume.ts';
import { findVolume } from './table.ts';

interface RegionsForDeps {
  store: Store;
  fleet: Fleet;
  sources: Sources;
}

/**
 * Where a launch or a prefetch goes: the regions that it names, or else the best ones, as many as `default_regions` says.
 * Throws what `regionChoice` throws.
 */
export async function regionsFor(deps: RegionsForDeps, model: OwnedModel, input: LaunchInput): Promise<string[]> {
  const { fleet, sources } = deps;
  const choice = regionChoice(model, input, fleet, sources.deliveryOf(model));
  if ('named' in choice) return choice.named;
  const { candidates } = choice;
  if (candidates.length <= fleet.defaultRegions) return candidates;
  const standings = await Promise.all(candidates.map((region) => standingOf(deps, model, input, region)));
  return rankRegions(standings).slice(0, fleet.defaultRegions);
}

async function standingOf(
  deps: RegionsForDeps,
  model: OwnedModel,
  { accelerator, accelerator_count: count = 1, replicas = 1 }: LaunchInput,
  region: string,
): Promise<RegionStanding> {
  const { fleet } = deps;
  const [status, { bytesToFetch }] = await Promise.all([
    fleet.region(region).status(),
    volumeFact(deps, model, region),
  ]);
  const free = status.accelerators?.find(({ name }) => name === accelerator)?.free ?? undefined;
  const price = fleet.pricePerHour(accelerator);
  return {
    region,
    reachable: status.reachable,
    acceleratorsFree: accelerator === undefined || (free === undefined ? undefined : free >= count * replicas),
    spaceFree: bytesToFetch === 0 || (status.storage === undefined ? undefined : status.storage.free > bytesToFetch),
    bytesToFetch,
    costPerHour: price === null ? null : price * count * replicas,
  };
}

/** The state of the model's volume in a region. If the region does not answer, the stored state counts. */
export async function volumeFact(deps: RegionsForDeps, model: OwnedModel, region: string): Promise<VolumeFact> {
  const { store, fleet, sources } = deps;
  const key = volumeOf(sources, model, region);
  if (key === undefined) return { state: 'mounted', bytesToFetch: 0 };
  const row = await findVolume(store.db, key);
  const observed = await fleet.region(region).observeVolume(key).catch(ignoreUnreachable);
  if (observed === undefined && row?.state === 'ready') return { state: 'hit', bytesToFetch: 0 };
  if (observed === undefined) return { state: 'miss', bytesToFetch: model.bytes };
  if (observed.state === 'ready' && row?.state !== 'damaged') return { state: 'hit', bytesToFetch: 0 };
  if (observed.state === 'downloading')
    return { state: 'joining', bytesToFetch: model.bytes - (observed.progress?.done ?? 0) };
  const bytesShared = await sharedBytes(deps, model, region);
  return { state: 'miss', bytesToFetch: model.bytes - bytesShared, bytesShared };
}

/** Passes on errors that are not the region's: a launch in two regions goes on if one does not answer. */
export function ignoreUnreachable(thrown: unknown): undefined {
  if (!(thrown instanceof EcolinkError) || thrown.kind === 'unexpected') throw thrown;
}
