import { waitForChange } from '../base/wait-for-change.ts';
import { fieldRef, run, say } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { mayRead } from '../access/visibility.ts';
import { hideSecrets } from '../base/secret-shapes.ts';
import { findInstance, searchInstances } from './table.ts';
import { briefModels } from '../registry/table.ts';
import type { Category } from '../base/categories.ts';
import type { Queries } from '../store/store.ts';
import { findVolumes } from '../volumes/table.ts';
import type { Volume } from '../volumes/table.ts';
import type { Progress } from '../base/reason.ts';
import { endsSoon } from './ending.ts';
import { failureOf } from './failure.ts';
import { nextStepOf } from './next-step.ts';
import { modelId } from './instance.ts';
import type { Instance, InstanceRegion, InstanceSpec } from './instance.ts';
import type { InstanceDeps } from './dependencies.ts';
import { usageOf } from './usage.ts';
import { allows, isAllSettled } from './states.ts';

export interface ListInstancesInput {
  state?: string;
  model?: string;
  cursor?: string;
  limit: number;
}

export interface LogsInput {
  instance: string;
  region?: string;
  lines: number;
}

/** The instance of `3` or `tiny-chat:3`. Throws `instance_not_found`, also if the name does not fit the number. */
export async function findVisibleInstance(db: Queries, reference: string, caller: Caller): Promise<Instance> {
  const [, name, number] = /^(?:(.+):)?([0-9]{1,9})$/.exec(reference) ?? [];
  const instance = number === undefined ? undefined : await findInstance(db, Number(number));
  if (
    instance &&
    instance.desired !== 'deleted' &&
    mayRead(instance, caller) &&
    (name === undefined || name === instance.name)
  )
    return instance;
  throw fail('instance_not_found', `There is no instance "${reference.slice(0, 60)}".`, {
    nextStep: say`${run('list_instances')} shows the instances.`,
    field: 'instance',
  });
}

export async function listInstances(deps: InstanceDeps, input: ListInstancesInput, caller: Caller) {
  const { db } = deps.store;
  const model = input.model === undefined ? undefined : await deps.registry.find(input.model, caller);
  const rows = await searchInstances(db, {
    state: input.state,
    registryModelId: model?.id,
    before: decodeCursor(input.cursor, 'number'),
    limit: input.limit,
    visibleTo: caller.person.role === 'admin' ? undefined : caller.person.id,
  });
  const models = await briefModels(db, [...new Set(rows.map((row) => row.registryModelId))]);
  return pageOf(
    rows,
    input.limit,
    (row) => row.id,
    (row) => item(row, models.get(row.registryModelId)),
  );
}

type ModelBrief = { name: string; category: Category };

function item(instance: Instance, model: ModelBrief | undefined) {
  return { ...summary(instance, model), failure_code: failureOf(instance, instance.name)?.code };
}

function summary(instance: Instance, model: ModelBrief | undefined) {
  return {
    id: instance.id,
    model_id: modelId(instance),
    model: model?.name ?? instance.name,
    category: model?.category ?? 'chat',
    state: instance.state,
    regions: instance.regions.map((region) => region.region),
    replicas: instance.spec.replicas * instance.regions.length,
    ready: instance.ready,
    owner: instance.ownerName,
    created_at: instance.createdAt,
  };
}

export async function getInstance(
  deps: InstanceDeps,
  reference: string,
  caller: Caller,
  waitSeconds?: number,
  signal?: AbortSignal,
) {
  const { db } = deps.store;
  const first = await findVisibleInstance(db, reference, caller);
  if (waitSeconds === undefined || waitSeconds === 0 || settled(first)) return view(deps, first);
  await waitForChangeOfState(deps, first, waitSeconds * 1000, signal);
  return view(deps, await findVisibleInstance(db, reference, caller));
}

/** Longest time between two reads: changes by another server are not published here. */
const pollMs = 2000;

async function waitForChangeOfState(
  deps: InstanceDeps,
  first: Instance,
  forMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hasChanged = async (): Promise<boolean> => {
    const now = await findInstance(deps.store.db, first.id);
    return !now || now.desired === 'deleted' || shownState(now) !== shownState(first);
  };
  await waitForChange(deps, { kind: 'instance', id: String(first.id), hasChanged, forMs, pollMs, signal });
}

/** What must differ for a wait to end: in two regions, one may change while the whole stays as it is. */
function shownState({ state, regions }: Instance): string {
  return JSON.stringify([state, ...regions.map((each) => [each.region, each.state])]);
}

function settled({ state, regions }: Instance): boolean {
  return isAllSettled(
    state,
    regions.map((region) => region.state),
  );
}

async function view(deps: InstanceDeps, instance: Instance) {
  const { db } = deps.store;
  const { registryModelId } = instance;
  const model = (await briefModels(db, [registryModelId])).get(registryModelId);
  const volumes = await findVolumes(
    db,
    instance.regions.flatMap(({ volume }) => (volume === undefined ? [] : [volume])),
  );
  const { spec } = instance;
  const regions = instance.regions.map((region) =>
    viewRegion(region, spec, region.volume === undefined ? undefined : volumes.get(region.volume)),
  );
  const brief = summary(instance, model);
  const call = callOf(deps, instance, brief.category);
  const failure = failureOf(instance, brief.model);
  const isDone = settled(instance);
  const progress = slowest(regions.map((region) => region.progress));
  return {
    ...brief,
    regions,
    settled: isDone,
    failure,
    call,
    next_step: nextStepOf({ instance, settled: isDone, progress, call, failure }),
    runtime: spec.regions[0]?.runtime ?? '',
    arguments: spec.regions[0]?.arguments ?? [],
    private: instance.private,
    url: `${deps.callUrl()}/v1`,
    context_length: spec.contextLength,
    accelerator: spec.accelerator,
    accelerator_count: spec.acceleratorCount,
    asked_because: spec.reason,
    reason: spec.reason,
    stop_at: instance.stopAt,
    warning: endsSoon(instance, deps.now()) ? endWarning(instance) : undefined,
  };
}

/** An instance with what only front ends need: who owns it, and what it costs. */
export type ShownInstance = NonNullable<Awaited<ReturnType<typeof viewForFrontEnds>>>;

export async function viewForFrontEnds(deps: InstanceDeps, id: number) {
  const found = await findInstance(deps.store.db, id);
  if (!found || found.desired === 'deleted') return undefined;
  return {
    ...(await view(deps, found)),
    owner_id: found.owner,
    desired: found.desired,
    /** Counts launches and restarts. */
    generation: found.generation,
    started_at: found.startedAt,
    /** When it stopped. */
    ended_at:
      found.state === 'stopped'
        ? found.regions
            .map(({ updatedAt }) => updatedAt)
            .toSorted()
            .at(-1)
        : undefined,
    /** Null if a price is unknown. */
    cost_per_hour: usageOf(found.spec, deps.fleet).costPerHour,
  };
}

/** The path of the gateway that models of a category answer at. */
const callPaths: Partial<Record<Category, string>> = {
  chat: '/v1/chat/completions',
  embedding: '/v1/embeddings',
  reranker: '/v1/rerank',
  image: '/v1/images/generations',
  audio: '/v1/audio/speech',
};

/** How to call the instance. Undefined if nothing answers. */
function callOf(deps: InstanceDeps, instance: Instance, category: Category) {
  if (!allows('call', instance.state) || instance.ready === 0) return undefined;
  // Engines for video have no common path, so their calls name the instance.
  const path = callPaths[category] ?? `/instances/${instance.id}/`;
  return { method: 'POST', url: `${deps.callUrl()}${path}`, model: modelId(instance) };
}

/** The download that ends last. One without an estimate is known least, so it counts least. */
function slowest(all: readonly (Progress | undefined)[]): Progress | undefined {
  return all
    .filter((each) => each !== undefined)
    .toSorted((a, b) => (b.seconds_left ?? 0) - (a.seconds_left ?? 0))
    .at(0);
}

function endWarning({ id, stopAt }: Instance): Prose {
  return say`It stops by itself at ${stopAt ?? ''}. ${run('extend_instance', { instance: id })} asks for more time.`;
}

function viewRegion(region: InstanceRegion, spec: InstanceSpec, volume: Volume | undefined) {
  const { replicas } = spec;
  const asked = spec.regions.find((each) => each.region === region.region)?.image;
  // The stored image counts only if it is of the current launch.
  const image = asked !== undefined && region.image?.startsWith(`${asked}@`) ? region.image : asked;
  return {
    region: region.region,
    state: region.state,
    replicas,
    ready: region.ready,
    restarts: region.restarts,
    progress: region.state === 'downloading' ? volume?.progress : undefined,
    reason: region.reason,
    image,
    context_length: region.contextLength || undefined,
  };
}

export async function getLogs(deps: InstanceDeps, input: LogsInput, caller: Caller) {
  const instance = await findVisibleInstance(deps.store.db, input.instance, caller);
  const regions = instance.regions.map((region) => region.region);
  if (input.region !== undefined && !regions.includes(input.region)) {
    throw fail('region_not_found', `${modelId(instance)} does not run in the region "${input.region}".`, {
      nextStep: say`Leave out ${fieldRef('region')}, or name one of the instance's regions.`,
      field: 'region',
      validValues: regions,
    });
  }
  const asked = input.region === undefined ? regions : [input.region];
  const logs = asked.map(async (region) => ({
    region,
    // An engine may write what callers sent it.
    lines: (await deps.fleet.region(region).logs(instance.id, input.lines)).map(hideSecrets),
  }));
  return { instance: instance.id, logs: await Promise.all(logs) };
}
