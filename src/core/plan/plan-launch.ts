import type { Prose } from '../base/prose.ts';
import { fail } from '../base/errors.ts';
import { formatBytes } from '../base/format.ts';
import { digestOf } from '../base/ids.ts';
import type { Fleet } from '../region/fleet.ts';
import { isPickle } from '../registry/model.ts';
import { contextEstimate, memoryEstimate } from '../registry/sizing.ts';
import { argumentsOf, remoteCodeFlagsIn, imageOf } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { MountedFolder } from '../registry/sources/source.ts';
import type { Delivery } from '../registry/sources/sources.ts';
import type { OwnedModel } from '../registry/table.ts';
import { selectionHash } from '../registry/selection-hash.ts';
import { chooseAccelerator, memoryOf, offers } from './plan-accelerators.ts';
import {
  chooseRuntime,
  letsIn,
  noRuntime,
  pickRuntime,
  refuseArguments,
  refuseSplit,
  refuseUnnamedPickle,
} from './plan-runtime.ts';
import type { LaunchInput } from './launch-input.ts';

/** What the world said about one region's volume, before planning. */
export interface VolumeFact {
  state: 'hit' | 'joining' | 'miss' | 'mounted';
  bytesToFetch: number;
}

/** What an instance goes on with in place of the runtime's own, as long as it is that runtime. */
export interface KeptImage {
  runtime: string;
  image: string;
}

/** What the world said about one region, before planning. */
export interface RegionFact {
  volume: VolumeFact;
  image?: KeptImage;
  /** The most accelerators of the asked kind on one node; undefined: unknown. */
  mostOnOneNode?: number;
  /** Why the volume that is there is of no use to the asked accelerators, in words. */
  outOfReach?: string;
}

export interface RegionLaunch {
  region: string;
  volume: { state: VolumeFact['state']; bytes_to_fetch: number };
  replicas: number;
  runtime: string;
  arguments: string[];
  image?: string;
  accelerator?: string;
  accelerator_count?: number;
  memory_bytes: number;
  /** As asked, else an estimate of what fits; null: unknown. */
  context_length: number | null;
  cost_per_hour: number | null;
  estimated_seconds: number | null;
}

export interface LaunchPlan {
  model: string;
  commit?: string;
  regions: RegionLaunch[];
  cost_per_hour: number | null;
  bytes_to_fetch: number;
  warnings: Prose[];
  changes: string[];
  digest: string;
}

/** By default a model that can be fetched runs in two regions: one of them can fail. */
const defaultRegions = 2;

/** The regions of a launch. Throws if the model is bound to another region, or if no region can serve it. */
export function chooseRegions(model: OwnedModel, input: LaunchInput, fleet: Fleet, delivery: Delivery): string[] {
  const asked = input.regions === undefined ? undefined : [...new Set(input.regions)];
  for (const name of asked ?? []) fleet.region(name);
  if (delivery.kind === 'mounted') return lockedTo(model, delivery, asked);
  if (asked) return asked;
  const able = fleet.regions().flatMap(({ name }) => {
    const runtime = pickRuntime(fleet, name, model, input.runtime);
    return runtime ? [{ name, takesIt: letsIn(fleet, name, runtime) && offers(input, name, fleet) }] : [];
  });
  if (able.length === 0) throw noRuntime(fleet, fleet.regions()[0]?.name ?? '', model, input.runtime);
  const taking = able.filter(({ takesIt }) => takesIt);
  // Where none takes it, planning says why not.
  return (taking.length > 0 ? taking : able).slice(0, defaultRegions).map(({ name }) => name);
}

function lockedTo(model: OwnedModel, { region, filesystem }: MountedFolder, asked: string[] | undefined): string[] {
  if (asked === undefined || (asked.length === 1 && asked[0] === region)) return [region];
  throw fail(
    'region_locked',
    `"${model.name}" lies on the filesystem ${filesystem}, which is in the region ${region}: it runs there and nowhere else.`,
    {
      nextStep: `Leave the regions out, or name ${region} alone.`,
      field: 'regions',
      validValues: [region],
    },
  );
}

/** Decides everything about a launch from facts that were gathered before. Pure but for what `fleet` answers from the config. */
export function planLaunch(
  model: OwnedModel,
  input: LaunchInput,
  regions: readonly string[],
  facts: ReadonlyMap<string, RegionFact>,
  changes: readonly string[],
  fleet: Fleet,
): LaunchPlan {
  refuseUnnamedPickle(model, input.allow_pickle);
  const launches = regions.map((region) => planRegion(model, input, region, facts.get(region) as RegionFact, fleet));
  const costs = launches.map((launch) => launch.cost_per_hour);
  const cost = costs.some((each) => each === null) ? null : costs.reduce((sum: number, each) => sum + (each ?? 0), 0);
  return {
    model: model.name,
    ...(model.commit === undefined ? {} : { commit: model.commit }),
    regions: launches,
    cost_per_hour: cost,
    bytes_to_fetch: launches.reduce((sum, launch) => sum + launch.volume.bytes_to_fetch, 0),
    warnings: [
      ...warningsOf(model, launches, fleet),
      ...regions.flatMap((region) => facts.get(region)?.outOfReach ?? []),
    ],
    changes: [...changes],
    digest: digestFor(model, launches, changes),
  };
}

function planRegion(
  model: OwnedModel,
  input: LaunchInput,
  region: string,
  { volume, image: kept, mostOnOneNode }: RegionFact,
  fleet: Fleet,
): RegionLaunch {
  const given = input.arguments ?? [];
  const runtime = chooseRuntime(fleet, region, model, input.runtime);
  refuseArguments(runtime, given);
  const replicas = input.replicas ?? 1;
  const { accelerator, count, memoryBytes } = chooseAccelerator(input, region, fleet, mostOnOneNode);
  refuseSplit(runtime, model, count);
  const price = fleet.pricePerHour(accelerator);
  return {
    region,
    volume: { state: volume.state, bytes_to_fetch: volume.bytesToFetch },
    replicas,
    runtime: runtime.name,
    arguments: argumentsOf(runtime, {
      category: model.category,
      contextLength: input.context_length,
      acceleratorCount: accelerator === undefined ? undefined : count,
      arguments: given,
    }),
    image: imageFor(runtime, kept),
    ...(accelerator === undefined ? {} : { accelerator, accelerator_count: count }),
    memory_bytes: memoryEstimate(model.bytes, model.architecture, input.context_length),
    context_length: input.context_length ?? contextEstimate(model.bytes, model.architecture, memoryBytes) ?? null,
    cost_per_hour: price === null ? null : price * count * replicas,
    estimated_seconds: estimate(model.bytes, volume.bytesToFetch),
  };
}

function imageFor(runtime: Runtime, kept: KeptImage | undefined): string | undefined {
  const image = imageOf(runtime);
  return image !== undefined && kept?.runtime === runtime.name ? kept.image : image;
}

/** What of a plan an instance keeps. */
export function regionsOf(plan: LaunchPlan) {
  return plan.regions.map(({ region, runtime, arguments: given, image }) => ({
    region,
    runtime,
    arguments: given,
    ...(image === undefined ? {} : { image }),
  }));
}

/** Assumed speeds, bytes per second: a download over the internet, and an engine that reads weights from a disk. */
const assumedDownload = 50e6;
const assumedLoad = 500e6;
const engineStartSeconds = 3;

function estimate(bytes: number, toFetch: number): number {
  return Math.ceil(toFetch / assumedDownload + bytes / assumedLoad + engineStartSeconds);
}

function warningsOf(model: OwnedModel, launches: readonly RegionLaunch[], fleet: Fleet): string[] {
  const warnings: string[] = [];
  const regions = launches.map(({ region }) => region);
  const code = new Set(launches.flatMap((launch) => remoteCodeFlagsIn(launch.arguments)));
  if (code.size > 0) warnings.push(`It runs code that came with the model (${[...code].join(', ')}).`);
  if (isPickle(model)) warnings.push('The weights are pickle files, which can run code when they are loaded.');
  const { contextLength: made } = model.architecture;
  const asked = Math.max(...launches.map((launch) => launch.context_length ?? 0));
  if (made !== undefined && asked > made)
    warnings.push(`The model was made for ${made} tokens; most engines refuse to start with ${asked}.`);
  for (const { region, accelerator, accelerator_count: count = 1 } of launches) {
    const memory = memoryOf(fleet, region, accelerator);
    if (memory !== undefined && model.bytes > memory * count)
      warnings.push(`The weights have ${formatBytes(model.bytes)}, more than the memory of ${count} × ${accelerator}.`);
  }
  const fetching = launches.flatMap(({ region, volume }) => (volume.state === 'mounted' ? [] : [region]));
  if (fetching.length === 1 && regions.length === 1 && fleet.regions().length > 1) {
    warnings.push(`It runs in one region only: if ${regions[0]} fails, it is down.`);
  }
  for (const region of fetching) {
    if (fleet.region(region).capabilities.oneNodeVolumes)
      warnings.push(`In ${region} one node at a time mounts the volume: all replicas run on it.`);
  }
  return warnings;
}

/**
 * Covers what somebody who says yes relies on, and nothing that changes by itself: not times, not whether the bytes
 * happen to be there already, not free capacity.
 */
function digestFor(model: OwnedModel, launches: readonly RegionLaunch[], changes: readonly string[]): string {
  const relied = launches.map((launch) => ({
    region: launch.region,
    replicas: launch.replicas,
    runtime: launch.runtime,
    given: launch.arguments,
    image: launch.image,
    accelerator: launch.accelerator,
    count: launch.accelerator_count,
    cost: launch.cost_per_hour,
  }));
  return digestOf({
    model: model.id,
    commit: model.commit,
    selection: selectionHash(model.files),
    relied,
    changes,
  }).slice(0, 16);
}
