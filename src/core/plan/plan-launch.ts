import type { Prose } from '../base/prose.ts';
import { formatBytes } from '../base/format.ts';
import { digestOf } from '../base/ids.ts';
import type { Sharing } from '../region/capabilities.ts';
import type { Fleet } from '../region/fleet.ts';
import { pickleWarnings } from '../registry/model.ts';
import { contextEstimate, memoryEstimate, memoryWarnings } from '../registry/sizing.ts';
import type { CheckedArgument } from '../runtimes/check-arguments.ts';
import { flagName } from '../runtimes/model-code.ts';
import { plainFlag } from '../config/launch-arguments.ts';
import type { RegionConfig } from '../config/region-settings.ts';
import type { RuntimeUse } from '../runtimes/model-code.ts';
import { fieldArguments } from '../runtimes/launch-fields.ts';
import { modelArguments, modelWarnings } from '../runtimes/model-arguments.ts';
import { argumentsOf, imageOf } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { AcceptedFiles } from '../region/region.ts';
import type { Fit } from '../registry/fits.ts';
import type { LeftOut } from '../registry/selection/left-out.ts';
import type { SourceState } from '../registry/sources/source.ts';
import type { OwnedModel } from '../registry/table.ts';
import { traitsOf } from '../registry/traits.ts';
import { selectionHash } from '../registry/selection-hash.ts';
import { chooseAccelerator, memoryOf } from './plan-accelerators.ts';
import { estimateTime } from './estimate.ts';
import type { PastDurations } from './estimate.ts';
import { chooseRuntime, codeAtWork, readArguments, refuseSplit, refusePickle } from './plan-runtime.ts';
import type { LaunchArguments } from './plan-runtime.ts';
import type { LaunchInput } from './launch-input.ts';

/** State of the model's volume in one region, before planning. */
export interface VolumeFact {
  state: 'hit' | 'joining' | 'miss' | 'mounted';
  bytesToFetch: number;
  /** Bytes that the region has in other volumes. They are linked or copied from there. */
  bytesShared?: number;
}

/** What an instance keeps instead of what its runtime says now, as long as it has that runtime. */
export interface KeptReplica {
  runtime: string;
  image?: string;
  /** Arguments that are not checked again, because no replica is added. */
  arguments?: readonly string[];
}

/** What planning needs to know about one region. */
export interface RegionFact {
  volume: VolumeFact;
  kept?: KeptReplica;
  /** The most accelerators of the requested kind on one node. Undefined if unknown. */
  mostOnOneNode?: number;
  /** Why nodes with the requested accelerators cannot use the existing volume, as a sentence. */
  outOfReach?: string;
  /** Free bytes of the disk that holds volumes. Undefined if unknown. */
  freeBytes?: number;
  /** What downloads and starts took in the region before. */
  past: PastDurations;
}

export interface RegionLaunch {
  region: string;
  volume: {
    state: VolumeFact['state'];
    bytes_to_fetch: number;
    /** Bytes that come from other volumes of the region, and how. Undefined if there are none. */
    bytes_shared?: number;
    shared_by?: Sharing;
  };
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
  /** Until it is ready: half of the launches take no longer. */
  estimated_seconds: number;
  estimated_seconds_p90: number;
  /** `history`: from downloads and starts of this installation. */
  estimate_basis: 'history' | 'assumed';
  /** The arguments that the launch gave, each with its risk. Undefined if it gave none. */
  launch_arguments?: { argument: string; risk?: string }[];
  /** What makes the engine run code that comes with the model. Undefined if nothing does. */
  runs_code?: string[];
}

export interface LaunchPlan {
  model: string;
  commit?: string;
  regions: RegionLaunch[];
  /** Whether it still runs if one region fails. */
  failover: boolean;
  cost_per_hour: number | null;
  bytes_to_fetch: number;
  /** The bytes to fetch, of the bytes of the model, in words. Undefined if the model is on a filesystem. */
  download?: string;
  warnings: Prose[];
  /** The accelerators of its regions that hold the model. */
  fits: Fit[];
  left_out: LeftOut[];
  /** The first changes since the registration. */
  changes: string[];
  /** Covers every change since the registration, and the content of the files. Undefined for a download. */
  fingerprint?: string | undefined;
  files?: AcceptedFiles | undefined;
  digest: string;
}

const changesShown = 10;

/** Plans a launch from the facts of its regions, in their order. Pure, apart from the configuration that `fleet` answers. */
export function planLaunch(
  model: OwnedModel,
  input: LaunchInput,
  facts: ReadonlyMap<string, RegionFact>,
  { changes, files }: SourceState,
  fits: readonly Fit[],
  fleet: Fleet,
): LaunchPlan {
  refusePickle(model, input.allow_pickle);
  const regions = [...facts];
  const launches = regions.map(([region, fact]) => planRegion(model, input, region, fact, fleet));
  const costs = launches.map((launch) => launch.cost_per_hour);
  const cost = costs.some((each) => each === null) ? null : costs.reduce((sum: number, each) => sum + (each ?? 0), 0);
  const fingerprint = files && digestOf({ files: files.digest, changes });
  const toFetch = launches.reduce((sum, launch) => sum + launch.volume.bytes_to_fetch, 0);
  return {
    model: model.name,
    commit: model.commit,
    regions: launches,
    failover: launches.length > 1,
    cost_per_hour: cost,
    bytes_to_fetch: toFetch,
    download: describeDownload(model, launches, toFetch),
    warnings: [
      ...warningsOf(model, launches, fits, fleet),
      ...regions.flatMap(([region, fact]) => problemsIn(region, fact)),
    ],
    fits: [...fits],
    left_out: model.leftOut ?? [],
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
  { volume, kept, mostOnOneNode, past }: RegionFact,
  fleet: Fleet,
): RegionLaunch {
  const runtime = chooseRuntime(fleet, region, model, input);
  const environment = fleet.region(region).capabilities.engineEnvironment;
  const given = argumentsFor({ runtime, category: model.category, environment }, input, kept);
  const replicas = input.replicas ?? 1;
  const { accelerator, count, memoryBytes } = chooseAccelerator(input, region, fleet, mostOnOneNode);
  refuseSplit(runtime, model, count);
  const price = fleet.pricePerHour(accelerator);
  const time = estimateTime(
    { runtime: runtime.name, bytes: model.bytes, toFetch: volume.bytesToFetch, shared: volume.bytesShared },
    past,
  );
  const ranks = runtime.parallel_argument === undefined ? 1 : Math.max(1, count);
  const wish = withRegionShare(input, runtime, fleet.configOf(region));
  const engineMemory = { ...runtime.memory, share: wish.memory_share ?? runtime.memory.share };
  const memory = memoryEstimate(model.bytes, model.architecture, {
    contextLength: input.context_length,
    tensorParallel: ranks,
    memory: engineMemory,
  });
  const own = traitsOf(model);
  const traits = { ...own, contextLength: input.context_length ?? own.contextLength };
  const words = given.arguments.flatMap((each) => each.words);
  return {
    region,
    volume: volumeFor(volume, fleet.region(region).capabilities.sharing),
    replicas,
    runtime: runtime.name,
    arguments:
      given.kept ??
      argumentsOf(runtime, {
        category: model.category,
        contextLength: input.context_length,
        acceleratorCount: accelerator === undefined ? undefined : count,
        added: [...fieldArguments(runtime, wish, words), ...modelArguments(runtime, traits, words)],
        arguments: words,
      }),
    image: imageFor(runtime, kept, accelerator !== undefined),
    accelerator,
    accelerator_count: accelerator === undefined ? undefined : count,
    memory_bytes: memory?.bytes ?? null,
    context_length:
      input.context_length ??
      contextEstimate(model.bytes, model.architecture, memoryBytes, { ranks, memory: engineMemory }) ??
      null,
    cost_per_hour: price === null ? null : price * count * replicas,
    estimated_seconds: time.seconds,
    estimated_seconds_p90: time.secondsP90,
    estimate_basis: time.basis,
    launch_arguments: given.arguments.length > 0 ? given.arguments.map(shownArgument) : undefined,
    runs_code: given.code.length > 0 ? given.code : undefined,
  };
}

/** The region's share counts for engines that have a setting for it, unless the launch says another, or gives the flag. */
function withRegionShare(input: LaunchInput, { launch_fields: fields }: Runtime, { memory_share }: RegionConfig) {
  const [flag] = fields.memory_share ?? [];
  const isGiven = flag === undefined || (input.arguments ?? []).some((word) => plainFlag(flagName(word)) === flag);
  return { ...input, memory_share: input.memory_share ?? (isGiven ? undefined : memory_share) };
}

function volumeFor(fact: VolumeFact, sharing: Sharing | undefined): RegionLaunch['volume'] {
  const { state, bytesToFetch: bytes_to_fetch, bytesShared: bytes_shared } = fact;
  return bytes_shared ? { state, bytes_to_fetch, bytes_shared, shared_by: sharing } : { state, bytes_to_fetch };
}

const sharedWords: Record<Sharing, string> = { link: 'linked', copy: 'copied', clone: 'cloned by the storage' };

function describeDownload(model: OwnedModel, launches: readonly RegionLaunch[], toFetch: number): string | undefined {
  const fetching = launches.filter(({ volume }) => volume.state !== 'mounted');
  if (fetching.length === 0) return undefined;
  const shared = fetching.flatMap(({ region, volume: { bytes_shared: bytes, shared_by: way } }) =>
    bytes === undefined ? [] : [`${formatBytes(bytes)} ${way === undefined ? '' : sharedWords[way]} in ${region}`],
  );
  const rest = shared.length === 0 ? '' : ` (${shared.join(', ')})`;
  return `${formatBytes(toFetch)} of ${formatBytes(fetching.length * model.bytes)} to fetch${rest}`;
}

function argumentsFor(
  use: RuntimeUse,
  { arguments: given = [] }: LaunchInput,
  kept: KeptReplica | undefined,
): LaunchArguments & { kept?: string[] } {
  if (kept?.arguments === undefined || kept.runtime !== use.runtime.name) return readArguments(use, given);
  return { arguments: [], code: codeAtWork(use, kept.arguments), kept: [...kept.arguments] };
}

function shownArgument({ words, risk }: CheckedArgument): { argument: string; risk?: string } {
  return { argument: commandLine(words), risk };
}

/** Words as one line. A word that could be read as two is in quotes. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"']+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

function imageFor(runtime: Runtime, kept: KeptReplica | undefined, accelerated: boolean): string | undefined {
  const image = imageOf(runtime, accelerated);
  return image !== undefined && kept?.runtime === runtime.name ? (kept.image ?? image) : image;
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

/** Says that the accelerators do not hold the model, and which would. */
function tooLarge(model: OwnedModel, launch: RegionLaunch, fits: readonly Fit[], fleet: Fleet): string[] {
  const { region, runtime, accelerator, accelerator_count: count = 1 } = launch;
  const memory = memoryOf(fleet, region, accelerator);
  const { share } = chooseRuntime(fleet, region, model, { runtime, accelerator }).memory;
  const needed = launch.memory_bytes ?? model.bytes;
  if (memory === undefined || needed <= memory * count * share) return [];
  const holding = fits.filter((fit) => fit.region === region).slice(0, 3);
  const other = holding.map((fit) => `${fit.count} × ${fit.accelerator}`).join(', ');
  const text = `It needs about ${formatBytes(needed)}. ${count} × ${accelerator} in ${region} have ${formatBytes(memory * count)}.`;
  return [holding.length === 0 ? text : `${text} These hold it: ${other}.`];
}

function warningsOf(
  model: OwnedModel,
  launches: readonly RegionLaunch[],
  fits: readonly Fit[],
  fleet: Fleet,
): string[] {
  const warnings: string[] = [];
  const regions = launches.map(({ region }) => region);
  const code = new Set(launches.flatMap((launch) => launch.runs_code ?? []));
  if (code.size > 0) warnings.push(`It runs code that comes with the model (${[...code].join(', ')}).`);
  warnings.push(...pickleWarnings(model));
  const { contextLength: maximum } = model.architecture;
  const asked = Math.max(...launches.map((launch) => launch.context_length ?? 0));
  warnings.push(...(model.warnings ?? []), ...memoryWarnings(model.architecture));
  warnings.push(...engineWarnings(model, launches, fleet));
  if (maximum !== undefined && asked > maximum)
    warnings.push(`The model was made for ${maximum} tokens. Most engines refuse to start with ${asked}.`);
  warnings.push(...launches.flatMap((launch) => tooLarge(model, launch, fits, fleet)));
  const fetching = launches.flatMap(({ region, volume }) => (volume.state === 'mounted' ? [] : [region]));
  if (fetching.length === 1 && regions.length === 1 && fleet.regions().length > 1) {
    warnings.push(`There is no failover: it runs in ${regions[0]} only.`);
  }
  for (const region of fetching) {
    if (fleet.region(region).capabilities.oneNodeVolumes)
      warnings.push(`In ${region} only one node at a time can mount the volume, so all replicas run on that node.`);
  }
  return warnings;
}

/** Each once, whatever the number of regions is. */
function engineWarnings(model: OwnedModel, launches: readonly RegionLaunch[], fleet: Fleet): string[] {
  const traits = traitsOf(model);
  const all = launches.flatMap(({ region, runtime, accelerator }) =>
    modelWarnings(chooseRuntime(fleet, region, model, { runtime, accelerator }), traits),
  );
  return [...new Set(all)];
}

function problemsIn(region: string, { outOfReach, freeBytes, volume }: RegionFact): string[] {
  const full = freeBytes !== undefined && volume.bytesToFetch > freeBytes;
  const disk = `${formatBytes(volume.bytesToFetch)} are to fetch to ${region}, and its disk has ${formatBytes(freeBytes ?? 0)} free.`;
  return [...(full ? [disk] : []), ...(outOfReach === undefined ? [] : [outOfReach])];
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
