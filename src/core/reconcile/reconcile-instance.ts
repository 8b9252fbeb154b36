import { asEcolinkError, fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { plainWords, run, say, sentences } from '../base/prose.ts';
import type { ModelLocation, ObservedReplica, Region, Workload } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';
import { keepDuration } from '../instances/durations.ts';
import { findInstance, saveRegionStatus, saveObservedFacts } from '../instances/table.ts';
import type { RegionStatusUpdate } from '../instances/table.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import { servedNameOf } from '../runtimes/served-name.ts';
import { requestVolume } from '../volumes/model-volume.ts';
import { findVolume, updateVolume } from '../volumes/table.ts';
import { modelId } from '../instances/instance.ts';
import type { Instance } from '../instances/instance.ts';
import { planRegion } from './plan-instance.ts';
import type { RegionPlan } from './plan-instance.ts';
import { readContext } from './read-context-length.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import { isSettled } from '../instances/states.ts';
import type { Requeue } from '../base/work-queue.ts';

/** Retry interval for an instance whose region is not in the configuration. */
const regionGoneMs = 30_000;
/** Wait after a region did not answer, or failed. */
const unreachableMs = 5000;

/** Reconciles one instance in one region: reads everything, plans, acts, writes the result. It may be killed at any point. */
export async function reconcileRegion(deps: ReconcilerDeps, id: number, regionName: string): Promise<Requeue> {
  const instance = await findInstance(deps.store.db, id);
  const region = deps.fleet.regions().find((each) => each.name === regionName);
  if (!instance) {
    // The workload of an instance that no longer exists.
    await region?.removeWorkload(id);
    return 'when_nudged';
  }
  if (!region) {
    await save(deps, instance, regionName, {
      ...noReplicas,
      state: instance.desired === 'running' ? 'failed' : 'stopped',
      reason: regionGone(regionName),
    });
    return regionGoneMs;
  }
  const volume = instance.regions.find((each) => each.region === regionName)?.volume;
  const row = volume === undefined ? undefined : await findVolume(deps.store.db, volume);
  const view = {
    desired: instance.desired,
    replicas: instance.spec.replicas,
    volume: volume === undefined ? undefined : (row ?? { state: 'absent' as const }),
  };
  const first = await observe(deps, instance, region);
  if (first === undefined) return unreachableMs;
  const before = planRegion({ ...view, observed: first });
  const failed = await act(deps, instance, region, volume, before);
  // Read again: the step may have begun to end replicas that were ready.
  const observed = await region.observeWorkload(id);
  const plan = planRegion({ ...view, observed });
  const { replicasDrain, pollMs } = region.capabilities;
  if (replicasDrain) deps.inFlight.see(id, regionName, observed);
  const urls =
    instance.desired === 'running'
      ? observed.flatMap((replica) => (replica.url === undefined ? [] : [replica.url]))
      : [];
  await save(deps, instance, regionName, { ...plan, reason: plan.reason, ...failed, urls });
  const serves = plan.state === 'running' || plan.state === 'degraded';
  if (serves && failed.reason === undefined) await saveFacts(deps, instance, region, observed);
  if (plan.state === 'stopped' && before.step !== 'remove') return 'when_nudged';
  if (failed.reason !== undefined) return unreachableMs;
  return isSettled(plan.state) ? pollMs.settled : pollMs.restless;
}

/** Saves the image and the context length of the first ready replica, once after every start. */
async function saveFacts(
  deps: ReconcilerDeps,
  instance: Instance,
  region: Region,
  observed: readonly ObservedReplica[],
): Promise<void> {
  const known = instance.regions.find((each) => each.region === region.name);
  const launch = instance.spec.regions.find((each) => each.region === region.name);
  const first = observed.find(({ state }) => state === 'ready');
  if (first?.url === undefined) return;
  const found: { image?: string; contextLength?: number } = {};
  const { image } = first;
  if (image && image.of === launch?.image && !image.of.includes('@') && !known?.image?.startsWith(`${image.of}@`))
    found.image = `${image.of}@${image.digest}`;
  const runtime = deps.fleet.runtimes(region.name).find(({ name }) => name === launch?.runtime);
  if (known?.contextLength === undefined && runtime?.context_report)
    found.contextLength = (await readContext(runtime, first.url, await region.keyOf?.(instance.id, first.url))) ?? 0;
  if (Object.keys(found).length === 0) return;
  await saveObservedFacts(deps.store.db, instance, region.name, found);
  deps.changes.publish({ kind: 'instance', id: String(instance.id) });
}

/** Keeps how long the first replica took from its start to its first answer. A start that failed before tells nothing. */
async function keepStart(
  { store, now }: ReconcilerDeps,
  instance: Instance,
  before: Instance['regions'][number],
  update: RegionStatusUpdate,
): Promise<void> {
  const began = before.state === 'starting' && before.restarts === 0 && before.ready === 0;
  if (!began || update.ready === 0 || update.restarts > 0) return;
  const model = await findModel(store.db, { id: instance.registryModelId });
  const runtime = instance.spec.regions.find((each) => each.region === before.region)?.runtime;
  if (model === undefined || runtime === undefined) return;
  const at = now();
  const past = { bytes: model.bytes, ms: at.getTime() - Date.parse(before.updatedAt) };
  await keepDuration(store.db, { what: 'start', region: before.region, runtime }, past, at.toISOString());
}

/** Undefined if the region does not answer. Replicas may go on running, so the last state stays, with the reason. */
async function observe(
  deps: ReconcilerDeps,
  instance: Instance,
  region: Region,
): Promise<ObservedReplica[] | undefined> {
  try {
    return await region.observeWorkload(instance.id);
  } catch (thrown) {
    const error = asEcolinkError(thrown, modelId(instance));
    if (error.kind === 'unexpected') throw thrown;
    const before = instance.regions.find((each) => each.region === region.name);
    if (before) await save(deps, instance, region.name, { ...before, reason: reasonOf(error) });
    return undefined;
  }
}

function reasonOf(error: EcolinkError): Reason {
  return { code: error.code, message: plainWords(sentences(error.said, error.nextStep)) };
}

const noReplicas = { ready: 0, restarts: 0, urls: [] };

function regionGone(region: string) {
  return { code: 'region_gone', message: `The region ${region} is not in the configuration any more.` };
}

/** Does the plan's step. Returns the reason if it failed, so that the status is written all the same. */
async function act(
  deps: ReconcilerDeps,
  instance: Instance,
  region: Region,
  volume: string | undefined,
  plan: RegionPlan,
): Promise<Partial<RegionStatusUpdate>> {
  try {
    await step(deps, instance, region, volume, plan);
    return {};
  } catch (thrown) {
    const error = asEcolinkError(thrown, modelId(instance));
    if (error.kind === 'unexpected') throw thrown;
    return { ...(error.retryable ? {} : { state: 'failed' }), reason: reasonOf(error) };
  }
}

async function step(
  deps: ReconcilerDeps,
  instance: Instance,
  region: Region,
  volume: string | undefined,
  plan: RegionPlan,
): Promise<void> {
  switch (plan.step) {
    case 'none':
      return;
    case 'erase':
      return region.eraseWorkload(instance.id);
    case 'remove':
      await markUsed(deps, volume);
      return region.removeWorkload(instance.id);
    case 'request_volume':
      return requestMissing(deps, instance, region.name, volume);
    case 'apply':
      return apply(deps, instance, region, volume);
  }
}

/** For the eviction policy, the end of an instance counts as a use. */
async function markUsed(deps: ReconcilerDeps, volume: string | undefined): Promise<void> {
  if (volume !== undefined) await updateVolume(deps.store.db, volume, { lastUsedAt: deps.now().toISOString() });
}

async function requestMissing(
  deps: ReconcilerDeps,
  instance: Instance,
  region: string,
  volume: string | undefined,
): Promise<void> {
  if (volume === undefined) return;
  await requestVolume(deps.store.db, deps.sources, await modelOf(deps, instance), region, { retry: false });
  deps.nudge({ volume });
}

/** Deleted models keep their row, so an instance without one is an error. */
async function modelOf({ store }: ReconcilerDeps, instance: Instance): Promise<OwnedModel> {
  const model = await findModel(store.db, { id: instance.registryModelId });
  if (model) return model;
  throw fail('model_not_found', `The model of ${modelId(instance)} no longer exists.`, {
    nextStep: say`Restart it with another model: ${run('restart_instance', { instance: instance.id })}.`,
  });
}

async function apply(
  deps: ReconcilerDeps,
  instance: Instance,
  region: Region,
  volume: string | undefined,
): Promise<void> {
  if (volume !== undefined && (await region.observeVolume(volume)).state !== 'ready') {
    // Deleted by hand. It must be complete before replicas mount it, so it is downloaded first.
    await updateVolume(deps.store.db, volume, { state: 'queued' });
    deps.nudge({ volume });
    return;
  }
  await region.applyWorkload(workloadOf(deps, instance, region.name, volume, await modelOf(deps, instance)));
  if (instance.state !== 'running') await markUsed(deps, volume);
}

function workloadOf(
  deps: ReconcilerDeps,
  instance: Instance,
  region: string,
  volume: string | undefined,
  model: OwnedModel,
): Workload {
  const { spec } = instance;
  const launch = spec.regions.find((each) => each.region === region);
  const runtime = deps.fleet.runtimes(region).find(({ name }) => name === launch?.runtime);
  return {
    instance: instance.id,
    replicas: spec.replicas,
    location: locationOf(deps, model, volume, spec.filesDigest),
    servedName: servedNameOf(runtime, instance),
    runtime: launch?.runtime ?? '',
    arguments: launch?.arguments ?? [],
    image: launch?.image,
    bytes: model.bytes,
    accelerator:
      spec.accelerator === undefined ? undefined : { name: spec.accelerator, count: spec.acceleratorCount ?? 1 },
    generation: instance.generation,
    modelFolderOnly: spec.modelFolderOnly,
  };
}

function locationOf(
  { sources }: ReconcilerDeps,
  model: OwnedModel,
  volume: string | undefined,
  digest: string | undefined,
): ModelLocation {
  const file = model.entryFile;
  if (volume !== undefined) return { kind: 'volume', volume, file };
  const delivery = sources.deliveryOf(model);
  if (delivery.kind === 'fetched') throw new Error(`The instance of ${model.name} has no volume.`);
  const { filesystem, subfolder } = delivery;
  const accepted = digest === undefined ? undefined : { paths: model.files.map(({ path }) => path), digest };
  return { kind: 'filesystem', filesystem, subfolder, file, accepted };
}

async function save(
  deps: ReconcilerDeps,
  instance: Instance,
  region: string,
  update: RegionStatusUpdate,
): Promise<void> {
  const before = instance.regions.find((each) => each.region === region);
  const same =
    before !== undefined &&
    before.state === update.state &&
    before.ready === update.ready &&
    before.restarts === update.restarts &&
    before.reason?.message === update.reason?.message &&
    before.urls.join() === update.urls.join();
  if (same) return;
  if (before) await keepStart(deps, instance, before, update);
  await deps.store.transaction((transaction) =>
    saveRegionStatus(transaction, instance.id, region, update, deps.now().toISOString()),
  );
  deps.log.info(
    { instance: modelId(instance), region, state: update.state, reason: update.reason?.message },
    'instance changed',
  );
  deps.changes.publish({ kind: 'instance', id: String(instance.id) });
}
