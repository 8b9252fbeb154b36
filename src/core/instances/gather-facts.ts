import type { Caller } from '../base/caller.ts';
import { fitsOf } from '../registry/fits.ts';
import type { OwnedModel } from '../registry/table.ts';
import { volumeOf } from '../volumes/model-volume.ts';
import { ignoreUnreachable, regionsFor, volumeFact } from '../volumes/regions-for.ts';
import type { RegionStatus } from '../region/region.ts';
import { pastDurations } from './durations.ts';
import type { InstanceDeps } from './dependencies.ts';
import { planLaunch } from '../plan/plan-launch.ts';
import type { KeptReplica, LaunchPlan, RegionFact } from '../plan/plan-launch.ts';
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

/** What an instance keeps, by region. */
export type KeptReplicas = ReadonlyMap<string, KeptReplica>;

export async function planFor(
  deps: InstanceDeps,
  model: OwnedModel,
  input: LaunchInput,
  kept: KeptReplicas = new Map(),
): Promise<LaunchPlan> {
  const regions = await regionsFor(deps, model, input);
  const facts = await Promise.all(
    regions.map(async (region) => [region, await factOf(deps, model, input, region, kept.get(region))] as const),
  );
  const [state, fits] = await Promise.all([
    deps.sources.stateOf(model),
    fitsOf(model, regions, deps.fleet, input.context_length),
  ]);
  return planLaunch(model, input, new Map(facts), state, fits, deps.fleet);
}

async function factOf(
  deps: InstanceDeps,
  model: OwnedModel,
  input: LaunchInput,
  region: string,
  kept: KeptReplica | undefined,
): Promise<RegionFact> {
  const [volume, status, outOfReach, past] = await Promise.all([
    volumeFact(deps, model, region),
    deps.fleet.region(region).status(),
    outOfReachOf(deps, model, input, region),
    pastDurations(deps.store.db, region),
  ]);
  const mostOnOneNode = mostOnOneNodeOf(status, input);
  return { volume, kept, mostOnOneNode, outOfReach, freeBytes: status.storage?.free, past };
}

/** Undefined if one accelerator is enough, or if no node has any: nodes may be added when needed. */
function mostOnOneNodeOf({ accelerators }: RegionStatus, input: LaunchInput): number | undefined {
  if (input.accelerator === undefined || (input.accelerator_count ?? 1) < 2) return undefined;
  return accelerators?.find(({ name }) => name === input.accelerator)?.largest || undefined;
}

/** A volume on one node, or in one zone, ties its replicas to it. */
async function outOfReachOf({ fleet, sources }: InstanceDeps, model: OwnedModel, input: LaunchInput, region: string) {
  const key = volumeOf(sources, model, region);
  const { accelerator: name, accelerator_count: count = 1 } = input;
  if (key === undefined || name === undefined) return undefined;
  return fleet.region(region).outOfReach(key, { name, count }).catch(ignoreUnreachable);
}
