import type { Caller } from '../base/caller.ts';
import { EcolinkError } from '../base/errors.ts';
import type { OwnedModel } from '../registry/table.ts';
import { volumeOf } from '../volumes/model-volume.ts';
import { findVolume } from '../volumes/table.ts';
import type { InstanceDeps } from './dependencies.ts';
import { chooseRegions, planLaunch } from '../plan/plan-launch.ts';
import type { KeptImage, LaunchPlan, RegionFact, VolumeFact } from '../plan/plan-launch.ts';
import type { LaunchInput } from '../plan/launch-input.ts';

/** Plans a launch and returns its model too. Reads regions and the database, changes nothing. */
export async function plan(
  deps: InstanceDeps,
  input: LaunchInput,
  caller: Caller,
): Promise<{ plan: LaunchPlan; model: OwnedModel }> {
  const model = await deps.registry.find(input.model, caller);
  const found = await planFor(deps, model, input);
  return {
    model,
    plan: { ...found, warnings: [...found.warnings, ...(await deps.registry.warnings(model, caller))] },
  };
}

/** The images that an instance keeps, by region. */
export type KeptImages = ReadonlyMap<string, KeptImage>;

export async function planFor(
  deps: InstanceDeps,
  model: OwnedModel,
  input: LaunchInput,
  images: KeptImages = new Map(),
): Promise<LaunchPlan> {
  const regions = chooseRegions(model, input, deps.fleet, deps.sources.deliveryOf(model));
  const facts = await Promise.all(
    regions.map(async (region) => [region, await factOf(deps, model, input, region, images.get(region))] as const),
  );
  return planLaunch(model, input, new Map(facts), await deps.sources.stateOf(model), deps.fleet);
}

async function factOf(
  deps: InstanceDeps,
  model: OwnedModel,
  input: LaunchInput,
  region: string,
  image: KeptImage | undefined,
): Promise<RegionFact> {
  const [volume, mostOnOneNode, outOfReach] = await Promise.all([
    volumeFact(deps, model, region),
    mostOnOneNodeOf(deps, input, region),
    outOfReachOf(deps, model, input, region),
  ]);
  return { volume, image, mostOnOneNode, outOfReach };
}

/** Undefined if one accelerator is enough, or if no node has any: nodes may be added when needed. */
async function mostOnOneNodeOf({ fleet }: InstanceDeps, input: LaunchInput, region: string) {
  if (input.accelerator === undefined || (input.accelerator_count ?? 1) < 2) return undefined;
  const { accelerators } = await fleet.region(region).status();
  return accelerators?.find(({ name }) => name === input.accelerator)?.largest || undefined;
}

/** A volume on one node, or in one zone, ties its replicas to it. */
async function outOfReachOf({ fleet, sources }: InstanceDeps, model: OwnedModel, input: LaunchInput, region: string) {
  const key = volumeOf(sources, model, region);
  const { accelerator: name, accelerator_count: count = 1 } = input;
  if (key === undefined || name === undefined) return undefined;
  return fleet.region(region).outOfReach(key, { name, count }).catch(ignoreUnreachable);
}

async function volumeFact(
  { store, fleet, sources }: InstanceDeps,
  model: OwnedModel,
  region: string,
): Promise<VolumeFact> {
  const key = volumeOf(sources, model, region);
  if (key === undefined) return { state: 'mounted', bytesToFetch: 0 };
  const row = await findVolume(store.db, key);
  const observed = await fleet.region(region).observeVolume(key).catch(ignoreUnreachable);
  // If a region does not answer, its stored state counts, so that a launch in two regions goes on.
  if (observed === undefined && row?.state === 'ready') return { state: 'hit', bytesToFetch: 0 };
  if (observed === undefined) return { state: 'miss', bytesToFetch: model.bytes };
  if (observed.state === 'ready' && row?.state !== 'damaged') return { state: 'hit', bytesToFetch: 0 };
  if (observed.state === 'downloading')
    return { state: 'joining', bytesToFetch: model.bytes - (observed.progress?.done ?? 0) };
  return { state: 'miss', bytesToFetch: model.bytes };
}

function ignoreUnreachable(thrown: unknown): undefined {
  if (!(thrown instanceof EcolinkError) || thrown.kind === 'unexpected') throw thrown;
}
