import { inputError, refused } from '../errors.ts';
import { digestOf } from '../ids.ts';
import type { Places } from '../regions/places.ts';
import { isPickle } from '../registry/model.ts';
import { contextEstimate, memoryEstimate } from '../registry/sizing.ts';
import { isImageAllowed } from '../runtimes/kubernetes/allowed-images.ts';
import { argumentsOf, codeRun, ownedFlag, serves, splitProblem } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { OwnedModel } from '../store/models.ts';
import { selectionHash } from '../registry/origin.ts';
import { chooseAccelerator } from './plan-accelerators.ts';

export interface LaunchInput {
  model: string;
  regions?: string[] | undefined;
  replicas?: number | undefined;
  accelerator?: string | undefined;
  accelerator_count?: number | undefined;
  runtime?: string | undefined;
  context_length?: number | undefined;
  arguments?: string[] | undefined;
  allow_pickle?: boolean | undefined;
  private?: boolean | undefined;
}

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
  warnings: string[];
  changes: string[];
  digest: string;
}

/** A model from the Hub runs in two regions unless somebody says otherwise: one can fail. */
const defaultRegions = 2;

/** Which regions a launch goes to. Throws where the model is bound to another, or none can serve it. */
export function chooseRegions(model: OwnedModel, input: LaunchInput, places: Places): string[] {
  const asked = input.regions === undefined ? undefined : [...new Set(input.regions)];
  for (const name of asked ?? []) places.region(name);
  if (model.region !== undefined) return lockedTo(model, model.region, asked);
  if (asked) return asked;
  const able = places.regions().filter(({ name }) => {
    const runtime = pickRuntime(places, name, model, input.runtime);
    return runtime !== undefined && letsIn(places, name, runtime);
  });
  if (able.length === 0) throw noRuntime(places, places.regions()[0]?.name ?? '', model, input.runtime);
  return able.slice(0, defaultRegions).map((region) => region.name);
}

function lockedTo(model: OwnedModel, region: string, asked: string[] | undefined): string[] {
  if (asked === undefined || (asked.length === 1 && asked[0] === region)) return [region];
  throw refused(
    'region_locked',
    `"${model.name}" lies on the filesystem ${model.filesystem}, which is in the region ${region}: it runs there and nowhere else.`,
    {
      nextStep: `Leave the regions out, or name ${region} alone.`,
      field: 'regions',
      validValues: [region],
    },
  );
}

function pickRuntime(
  places: Places,
  region: string,
  model: OwnedModel,
  named: string | undefined,
): Runtime | undefined {
  const fitting = places.runtimesFor(region, model.category, model.format, model.task);
  if (named !== undefined) return fitting.find((runtime) => runtime.name === named);
  return fitting.find((runtime) => letsIn(places, region, runtime)) ?? fitting[0];
}

/** Whether the region's allowlist has the runtime's image. */
function letsIn(places: Places, region: string, runtime: Runtime): boolean {
  const config = places.configOf(region);
  if (config.kind !== 'kubernetes' || runtime.kind !== 'kubernetes' || !config.images_allowed) return true;
  return isImageAllowed(runtime.image, config.images_allowed);
}

function noRuntime(places: Places, region: string, model: OwnedModel, named: string | undefined): Error {
  const there = places.runtimes(region);
  const other = there.find((runtime) => runtime.name === named);
  if (named !== undefined && other && !serves(other, model.category, model.format, model.task)) {
    return inputError(
      'runtime_does_not_fit',
      `The runtime "${named}" serves ${other.categories.join(', ')} models in ${other.formats.join(', ')}, not ${model.category} in ${model.format}.`,
      {
        nextStep: 'Leave the runtime out, or name one that fits.',
        field: 'runtime',
        validValues: places
          .runtimesFor(region, model.category, model.format, model.task)
          .map((runtime) => runtime.name),
      },
    );
  }
  const what =
    named === undefined
      ? `No runtime serves ${model.category} models in ${model.format} in the region ${region}`
      : `The region ${region} has no runtime "${named}"`;
  return refused('no_runtime', `${what}.`, {
    nextStep:
      model.format === 'gguf'
        ? 'Install llama.cpp (llama-server on the PATH, or the npm package node-llama-cpp), or add a runtime to ecolink.yaml.'
        : 'Install vLLM so that "vllm" is on the PATH, or add a runtime under "runtimes" in ecolink.yaml.',
    field: 'runtime',
    validValues: there.map((runtime) => runtime.name),
  });
}

/** Decides everything about a launch from facts that were gathered before. Pure but for what `places` answers from the config. */
export function planLaunch(
  model: OwnedModel,
  input: LaunchInput,
  regions: readonly string[],
  facts: ReadonlyMap<string, RegionFact>,
  changes: readonly string[],
  places: Places,
): LaunchPlan {
  refuseUnnamedPickle(model, input);
  const launches = regions.map((region) => planRegion(model, input, region, facts.get(region) as RegionFact, places));
  const costs = launches.map((launch) => launch.cost_per_hour);
  const cost = costs.some((each) => each === null) ? null : costs.reduce((sum: number, each) => sum + (each ?? 0), 0);
  return {
    model: model.name,
    ...(model.commit === undefined ? {} : { commit: model.commit }),
    regions: launches,
    cost_per_hour: cost,
    bytes_to_fetch: launches.reduce((sum, launch) => sum + launch.volume.bytes_to_fetch, 0),
    warnings: warningsOf(model, launches, places),
    changes: [...changes],
    digest: digestFor(model, launches, changes),
  };
}

function planRegion(
  model: OwnedModel,
  input: LaunchInput,
  region: string,
  { volume, image: kept, mostOnOneNode }: RegionFact,
  places: Places,
): RegionLaunch {
  const runtime = pickRuntime(places, region, model, input.runtime);
  if (!runtime) throw noRuntime(places, region, model, input.runtime);
  if (!letsIn(places, region, runtime)) throw notLetIn(region, runtime);
  const given = input.arguments ?? [];
  const owned = ownedFlag(runtime, given);
  if (owned !== undefined) {
    throw inputError('argument_owned', `EcoLink sets ${owned} for ${runtime.name} itself.`, {
      nextStep: 'Leave it out of the arguments.',
      field: 'arguments',
    });
  }
  refuseUnnamedTrust(runtime, given);
  const replicas = input.replicas ?? 1;
  const { accelerator, count, memoryBytes } = chooseAccelerator(input, region, places, mostOnOneNode);
  const unsplit = splitProblem(runtime, model.architecture, count || 1);
  if (unsplit !== undefined) throw cannotSplit(model.name, count, unsplit);
  const price = places.pricePerHour(accelerator);
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
    ...(runtime.kind === 'kubernetes' ? { image: kept?.runtime === runtime.name ? kept.image : runtime.image } : {}),
    ...(accelerator === undefined ? {} : { accelerator, accelerator_count: count }),
    memory_bytes: memoryEstimate(model.bytes, model.architecture, input.context_length),
    context_length:
      input.context_length ??
      contextEstimate(model.bytes, model.architecture, memoryBytes === undefined ? undefined : memoryBytes * count) ??
      null,
    cost_per_hour: price === null ? null : price * count * replicas,
    estimated_seconds: estimate(model.bytes, volume.bytesToFetch),
  };
}

function notLetIn(region: string, runtime: Runtime): Error {
  const image = runtime.kind === 'kubernetes' ? runtime.image : '';
  return refused('image_not_allowed', `The region ${region} does not allow the image ${image}.`, {
    nextStep: "Launch with another runtime, or add the image to the region's images_allowed in ecolink.yaml.",
    field: 'runtime',
  });
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

function refuseUnnamedPickle(model: OwnedModel, input: LaunchInput): void {
  if (!isPickle(model) || input.allow_pickle === true) return;
  throw refused(
    'pickle_not_allowed',
    `The weights of "${model.name}" are pickle files alone: loading them can run code that came with them.`,
    {
      nextStep: 'If you trust where they come from, launch with allow_pickle; or register a repo with safetensors.',
      field: 'allow_pickle',
      validValues: ['true'],
    },
  );
}

/** A runtime of the config may run the model's code for all its models: each launch names it all the same. */
function refuseUnnamedTrust(runtime: Runtime, given: readonly string[]): void {
  const unnamed = codeRun(runtime.arguments).filter((flag) => !codeRun(given).includes(flag));
  if (unnamed.length === 0) return;
  throw refused('remote_code_not_named', `The runtime "${runtime.name}" runs code that comes with the model.`, {
    nextStep: `If you trust it, name ${unnamed.join(' and ')} in the arguments; or take another runtime.`,
    field: 'arguments',
    validValues: unnamed,
  });
}

function cannotSplit(model: string, count: number, why: string): Error {
  return inputError('accelerator_count_does_not_fit', `"${model}" cannot run on ${count} accelerators: ${why}.`, {
    nextStep: 'Ask for another number; powers of two usually fit.',
    field: 'accelerator_count',
  });
}

/** Assumed speeds, bytes per second: a download over the internet, and an engine that reads weights from a disk. */
const assumedDownload = 50e6;
const assumedLoad = 500e6;
const engineStartSeconds = 3;

function estimate(bytes: number, toFetch: number): number {
  return Math.ceil(toFetch / assumedDownload + bytes / assumedLoad + engineStartSeconds);
}

function warningsOf(model: OwnedModel, launches: readonly RegionLaunch[], places: Places): string[] {
  const warnings: string[] = [];
  const regions = launches.map(({ region }) => region);
  const code = new Set(launches.flatMap((launch) => codeRun(launch.arguments)));
  if (code.size > 0) warnings.push(`It runs code that came with the model (${[...code].join(', ')}).`);
  if (isPickle(model)) warnings.push('The weights are pickle files, which can run code when they are loaded.');
  const { contextLength: made } = model.architecture;
  const asked = Math.max(...launches.map((launch) => launch.context_length ?? 0));
  if (made !== undefined && asked > made)
    warnings.push(`The model was made for ${made} tokens; most engines refuse to start with ${asked}.`);
  if (model.source === 'huggingface' && regions.length === 1 && places.regions().length > 1) {
    warnings.push(`It runs in one region only: if ${regions[0]} fails, it is down.`);
  }
  for (const region of model.source === 'huggingface' ? regions : []) {
    const config = places.configOf(region);
    if (config.kind === 'kubernetes' && config.access_mode === 'ReadWriteOnce')
      warnings.push(`In ${region} one node at a time mounts the volume: all replicas run on it.`);
  }
  return warnings;
}

/**
 * Covers what somebody who says yes relies on, and nothing that changes by itself: not times, not whether the bytes
 * happen to be there already, not free capacity.
 */
function digestFor(model: OwnedModel, launches: readonly RegionLaunch[], changes: readonly string[]): string {
  const relied = launches.map(
    ({
      region,
      replicas,
      runtime,
      arguments: given,
      image,
      accelerator,
      accelerator_count: count,
      cost_per_hour: cost,
    }) => ({
      region,
      replicas,
      runtime,
      given,
      image,
      accelerator,
      count,
      cost,
    }),
  );
  return digestOf({
    model: model.id,
    commit: model.commit,
    selection: selectionHash(model.files),
    relied,
    changes,
  }).slice(0, 16);
}
