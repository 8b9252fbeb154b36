import { fieldRef, say } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { fail } from '../base/errors.ts';
import { formatBytes } from '../base/format.ts';
import { digestOf } from '../base/ids.ts';
import type { Fleet } from '../region/fleet.ts';
import { isPickle } from '../registry/model.ts';
import { contextEstimate, memoryEstimate, memoryWarnings } from '../registry/sizing.ts';
import { argumentsOf, remoteCodeFlagsIn, imageOf } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { AcceptedFiles } from '../region/region.ts';
import type { MountedFolder, SourceState } from '../registry/sources/source.ts';
import type { Delivery } from '../registry/sources/sources.ts';
import type { OwnedModel } from '../registry/table.ts';
import { selectionHash } from '../registry/selection-hash.ts';
import { chooseAccelerator, memoryOf, offers } from './plan-accelerators.ts';
import {
  chooseRuntime,
  allowsImage,
  noRuntime,
  pickRuntime,
  refuseArguments,
  refuseSplit,
  refusePickle,
} from './plan-runtime.ts';
import type { LaunchInput } from './launch-input.ts';

/** State of the model's volume in one region, before planning. */
export interface VolumeFact {
  state: 'hit' | 'joining' | 'miss' | 'mounted';
  bytesToFetch: number;
}

/** An image that an instance keeps instead of the runtime's own, as long as it has that runtime. */
export interface KeptImage {
  runtime: string;
  image: string;
}

/** What planning needs to know about one region. */
export interface RegionFact {
  volume: VolumeFact;
  image?: KeptImage;
  /** The most accelerators of the requested kind on one node. Undefined if unknown. */
  mostOnOneNode?: number;
  /** Why nodes with the requested accelerators cannot use the existing volume, as a sentence. */
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
  /** Of all accelerators of one replica together. Null if unknown. */
  memory_bytes: number | null;
  /** As requested, or else an estimate of what fits. Null if unknown. */
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
  /** The first changes since the registration. */
  changes: string[];
  /** Covers every change since the registration, and the content of the files. Undefined for a download. */
  fingerprint?: string | undefined;
  files?: AcceptedFiles | undefined;
  digest: string;
}

const changesShown = 10;

/** By default a model that can be fetched runs in two regions, because one can fail. */
const defaultRegions = 2;

/** The regions of a launch. Throws if the model is bound to another region, or if no region can serve it. */
export function chooseRegions(model: OwnedModel, input: LaunchInput, fleet: Fleet, delivery: Delivery): string[] {
  const asked = input.regions === undefined ? undefined : [...new Set(input.regions)];
  for (const name of asked ?? []) fleet.region(name);
  if (delivery.kind === 'mounted') return onlyRegion(model, delivery, asked);
  if (asked) return asked;
  const able = fleet.regions().flatMap(({ name }) => {
    const runtime = pickRuntime(fleet, name, model, input.runtime);
    return runtime ? [{ name, suitable: allowsImage(fleet, name, runtime) && offers(input, name, fleet) }] : [];
  });
  if (able.length === 0) throw noRuntime(fleet, fleet.regions()[0]?.name ?? '', model, input.runtime);
  const best = able.filter(({ suitable }) => suitable);
  // If none is suitable, planning throws the reason.
  return (best.length > 0 ? best : able).slice(0, defaultRegions).map(({ name }) => name);
}

function onlyRegion(model: OwnedModel, { region, filesystem }: MountedFolder, asked: string[] | undefined): string[] {
  if (asked === undefined || (asked.length === 1 && asked[0] === region)) return [region];
  throw fail(
    'region_locked',
    `"${model.name}" is on the filesystem ${filesystem} in the region ${region}, so it can run only there.`,
    {
      nextStep: say`Leave out ${fieldRef('regions')}, or name only ${region}.`,
      field: 'regions',
      validValues: [region],
    },
  );
}

/** Plans a launch from the facts of its regions, in their order. Pure, apart from the configuration that `fleet` answers. */
export function planLaunch(
  model: OwnedModel,
  input: LaunchInput,
  facts: ReadonlyMap<string, RegionFact>,
  { changes, files }: SourceState,
  fleet: Fleet,
): LaunchPlan {
  refusePickle(model, input.allow_pickle);
  const regions = [...facts];
  const launches = regions.map(([region, fact]) => planRegion(model, input, region, fact, fleet));
  const costs = launches.map((launch) => launch.cost_per_hour);
  const cost = costs.some((each) => each === null) ? null : costs.reduce((sum: number, each) => sum + (each ?? 0), 0);
  const fingerprint = files && digestOf({ files: files.digest, changes });
  return {
    model: model.name,
    commit: model.commit,
    regions: launches,
    cost_per_hour: cost,
    bytes_to_fetch: launches.reduce((sum, launch) => sum + launch.volume.bytes_to_fetch, 0),
    warnings: [...warningsOf(model, launches, fleet), ...regions.flatMap(([, { outOfReach }]) => outOfReach ?? [])],
    changes: shown(changes),
    fingerprint,
    files,
    digest: digestFor(model, launches, changes, fingerprint),
  };
}

function shown(changes: readonly string[]): string[] {
  if (changes.length <= changesShown) return [...changes];
  return [...changes.slice(0, changesShown), `and ${changes.length - changesShown} more`];
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
  const ranks = runtime.parallel_argument === undefined ? 1 : Math.max(1, count);
  const memory = memoryEstimate(model.bytes, model.architecture, {
    contextLength: input.context_length,
    tensorParallel: ranks,
  });
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
    accelerator,
    accelerator_count: accelerator === undefined ? undefined : count,
    memory_bytes: memory?.bytes ?? null,
    context_length:
      input.context_length ?? contextEstimate(model.bytes, model.architecture, memoryBytes, ranks) ?? null,
    cost_per_hour: price === null ? null : price * count * replicas,
    estimated_seconds: estimate(model.bytes, volume.bytesToFetch),
  };
}

function imageFor(runtime: Runtime, kept: KeptImage | undefined): string | undefined {
  const image = imageOf(runtime);
  return image !== undefined && kept?.runtime === runtime.name ? kept.image : image;
}

/** The part of a plan that the instance's spec keeps. */
export function regionsOf(plan: LaunchPlan) {
  return plan.regions.map(({ region, runtime, arguments: given, image }) => ({
    region,
    runtime,
    arguments: given,
    image,
  }));
}

/** Assumed speeds in bytes per second, of a download over the internet and of an engine that loads weights from a disk. */
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
  if (code.size > 0) warnings.push(`It runs code that comes with the model (${[...code].join(', ')}).`);
  if (isPickle(model)) warnings.push('The weights are pickle files, which can run code when they are loaded.');
  const { contextLength: maximum } = model.architecture;
  const asked = Math.max(...launches.map((launch) => launch.context_length ?? 0));
  warnings.push(...memoryWarnings(model.architecture));
  if (maximum !== undefined && asked > maximum)
    warnings.push(`The model was made for ${maximum} tokens. Most engines refuse to start with ${asked}.`);
  for (const { region, accelerator, accelerator_count: count = 1 } of launches) {
    const memory = memoryOf(fleet, region, accelerator);
    if (memory !== undefined && model.bytes > memory * count)
      warnings.push(`The weights have ${formatBytes(model.bytes)}, more than the memory of ${count} × ${accelerator}.`);
  }
  const fetching = launches.flatMap(({ region, volume }) => (volume.state === 'mounted' ? [] : [region]));
  if (fetching.length === 1 && regions.length === 1 && fleet.regions().length > 1) {
    warnings.push(`It runs in one region only. If ${regions[0]} fails, the model is down.`);
  }
  for (const region of fetching) {
    if (fleet.region(region).capabilities.oneNodeVolumes)
      warnings.push(`In ${region} only one node at a time can mount the volume, so all replicas run on that node.`);
  }
  return warnings;
}

/**
 * Covers what a person who accepts the plan relies on. Leaves out what changes by itself: times, free capacity, and
 * whether the weights are there already.
 */
function digestFor(
  model: OwnedModel,
  launches: readonly RegionLaunch[],
  changes: readonly string[],
  fingerprint: string | undefined,
): string {
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
  const whole = digestOf({
    model: model.id,
    commit: model.commit,
    selection: selectionHash(model.files),
    relied,
    changes,
    fingerprint,
  });
  // Who writes to a folder could look for two contents with the same short digest.
  return fingerprint === undefined ? whole.slice(0, 16) : whole;
}
