import type { Caller } from '../access/caller.ts';
import type { OperationContext } from '../context.ts';
import { conflict, notFound } from '../errors.ts';
import type { Changes } from '../notify/changes.ts';
import type { Places } from '../regions/places.ts';
import { changesBetween, readFolder } from '../registry/filesystem-source.ts';
import type { Registry } from '../registry/registry.ts';
import { findModel, selectionHash } from '../store/models.ts';
import type { OwnedModel } from '../store/models.ts';
import { findInstance, insertInstance } from '../store/instances.ts';
import type { Queries, Store } from '../store/store.ts';
import { findVolume, wantVolume } from '../store/volumes.ts';
import { volumeKey } from '../volumes/key.ts';
import { modelId } from './instance.ts';
import type { Instance, InstanceSpec } from './instance.ts';
import { chooseRegions, planLaunch } from './plan-launch.ts';
import type { LaunchInput, LaunchPlan, VolumeFact } from './plan-launch.ts';
import { changeInstance, removeInstance, restartInstance, scaleInstance, stopInstance } from './change-instance.ts';
import { getInstance, getLogs, listInstances } from './read-instances.ts';
import type { ListInstancesInput, LogsInput } from './read-instances.ts';

export interface LaunchParts {
  store: Store;
  places: Places;
  registry: Registry;
  changes: Changes;
  /** The base URL that callers of models use, known once the server listens. */
  baseUrl: () => string;
  /** Tells the reconciler that a key is worth a look. Nothing depends on it: everything is looked at again in time. */
  nudge: (key: { instance: number; region: string } | { volume: string }) => void;
  now: () => Date;
}

export type LaunchInstanceInput = LaunchInput & {
  plan_digest?: string | undefined;
  stop_after?: string | undefined;
  reason?: string | undefined;
};

export type Launches = ReturnType<typeof createLaunches>;

export function createLaunches(parts: LaunchParts) {
  return {
    plan: (input: LaunchInput, caller: Caller) => plan(parts, input, caller).then((made) => made.plan),
    launch: (input: LaunchInstanceInput, context: OperationContext) => launch(parts, input, context),
    list: (input: ListInstancesInput, caller: Caller) => listInstances(parts, input, caller),
    /** A receipt as of now: a replay answers with the present state of what its first call made. */
    present: (receipt: Record<string, unknown>) => present(parts, receipt),
    get: (reference: string, caller: Caller, waitSeconds?: number, signal?: AbortSignal) =>
      getInstance(parts, reference, caller, waitSeconds, signal),
    logs: (input: LogsInput, caller: Caller) => getLogs(parts, input, caller),
    stop: (input: { instance: string }, context: OperationContext) =>
      changeInstance(parts, input.instance, 'stop', context, stopInstance),
    restart: (input: { instance: string; model?: string | undefined }, context: OperationContext) =>
      changeInstance(parts, input.instance, 'restart', context, (instance) =>
        restartInstance(parts, instance, input.model, context),
      ),
    scale: (input: { instance: string; replicas: number }, context: OperationContext) =>
      changeInstance(parts, input.instance, 'scale', context, (instance) =>
        scaleInstance(parts, instance, input.replicas, context),
      ),
    remove: (input: { instance: string }, context: OperationContext) =>
      changeInstance(parts, input.instance, 'delete', context, removeInstance),
  };
}

/** Everything a launch would do, and the entry it is for. Reads the world; changes nothing. */
export async function plan(
  parts: LaunchParts,
  input: LaunchInput,
  caller: Caller,
): Promise<{ plan: LaunchPlan; model: OwnedModel }> {
  const model = await parts.registry.find(input.model, caller);
  return { model, plan: await planFor(parts, model, input) };
}

export async function planFor(parts: LaunchParts, model: OwnedModel, input: LaunchInput): Promise<LaunchPlan> {
  const regions = chooseRegions(model, input, parts.places);
  const facts = await Promise.all(
    regions.map(async (region) => [region, await volumeFact(parts, model, region)] as const),
  );
  return planLaunch(model, input, regions, new Map(facts), await changesOf(parts, model), parts.places);
}

async function volumeFact({ store, places }: LaunchParts, model: OwnedModel, region: string): Promise<VolumeFact> {
  const key = volumeOf(model, region);
  if (key === undefined) return { state: 'mounted', bytesToFetch: 0 };
  const observed = await places.region(region).observeVolume(key);
  const row = await findVolume(store.db, key);
  if (observed.state === 'ready' && row?.state !== 'damaged') return { state: 'hit', bytesToFetch: 0 };
  if (observed.state === 'downloading')
    return { state: 'joining', bytesToFetch: model.bytes - (observed.progress?.done ?? 0) };
  return { state: 'miss', bytesToFetch: model.bytes };
}

/** Undefined for what lies on a filesystem: it is read in place. */
export function volumeOf(model: OwnedModel, region: string): string | undefined {
  if (model.repo === undefined || model.commit === undefined) return undefined;
  return volumeKey(model.repo, model.commit, selectionHash(model.files), region);
}

async function changesOf({ places }: LaunchParts, model: OwnedModel): Promise<string[]> {
  if (model.filesystem === undefined || model.subfolder === undefined || !model.fingerprint) return [];
  const filesystem = places.filesystem(model.filesystem);
  return changesBetween(
    model.fingerprint,
    await readFolder(places.region(filesystem.region), model.filesystem, model.subfolder),
  );
}

async function launch(parts: LaunchParts, input: LaunchInstanceInput, context: OperationContext) {
  const { plan: made, model } = await plan(parts, input, context.caller);
  refuseOtherPlan(made, input);
  const regions = made.regions.map(({ region }) => ({ region, volume: volumeOf(model, region) }));
  const now = parts.now();
  const receipt = await parts.store.transaction(async (transaction) => {
    for (const { region, volume } of regions) if (volume) await want(transaction, model, region, volume);
    const id = await insertInstance(transaction, {
      name: model.name,
      entryId: model.id,
      spec: specOf(made, input),
      owner: context.caller.person.id,
      private: input.private ?? model.private,
      createdAt: now.toISOString(),
      stopAt: input.stop_after === undefined ? undefined : stopTime(input.stop_after, now),
      regions,
    });
    // After the insert, which on PostgreSQL waits for a deletion that is about to commit.
    const still = await findModel(transaction, { id: model.id });
    if (still?.deletedAt !== undefined) throw modelGone(model.name);
    const outcome = receiptOf(model.name, id, 'pending');
    await context.settle(transaction, outcome);
    return outcome;
  });
  for (const { region, volume } of regions) {
    if (volume) parts.nudge({ volume });
    parts.nudge({ instance: receipt.instance, region });
  }
  parts.changes.publish({ kind: 'instance', id: String(receipt.instance) });
  return receipt;
}

/** A new launch is a new try: what failed for good before is queued again. */
export function want(db: Queries, model: OwnedModel, region: string, key: string, prefetch = false): Promise<void> {
  const { repo, commit, bytes, files } = model;
  return wantVolume(
    db,
    { key, region, repo: repo as string, commit: commit as string, selection: selectionHash(files), bytes },
    { prefetch, retry: true },
  );
}

function refuseOtherPlan(made: LaunchPlan, input: LaunchInstanceInput): void {
  if (input.plan_digest === made.digest) return;
  if (input.plan_digest !== undefined) {
    throw conflict('plan_changed', 'The plan is not the one that was looked at any more.', {
      nextStep: 'Look at the plan again (plan_launch) and launch with its digest.',
      field: 'plan_digest',
    });
  }
  if (made.changes.length === 0) return;
  throw conflict(
    'changed_since_registration',
    `The folder of "${made.model}" has changed since it was registered: ${made.changes.join('; ')}.`,
    {
      nextStep: `Register the folder under another name, or accept the change: launch again with plan_digest "${made.digest}".`,
      field: 'plan_digest',
      validValues: [made.digest],
    },
  );
}

function specOf(made: LaunchPlan, input: LaunchInstanceInput): InstanceSpec {
  const [first] = made.regions;
  return {
    replicas: first?.replicas ?? 1,
    regions: made.regions.map(({ region, runtime, arguments: given }) => ({ region, runtime, arguments: given })),
    ...(first?.accelerator === undefined ? {} : { accelerator: first.accelerator }),
    ...(first?.accelerator_count === undefined ? {} : { acceleratorCount: first.accelerator_count }),
    ...(input.context_length === undefined ? {} : { contextLength: input.context_length }),
    ...(input.arguments === undefined ? {} : { extraArguments: input.arguments }),
    ...(input.reason === undefined ? {} : { reason: input.reason }),
  };
}

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function stopTime(after: string, now: Date): string {
  return new Date(now.getTime() + Number(after.slice(0, -1)) * (unitMs[after.slice(-1)] ?? 0)).toISOString();
}

function modelGone(name: string): Error {
  return notFound('model_not_found', `"${name}" was deleted meanwhile.`, {
    nextStep: 'Register it again.',
    field: 'model',
  });
}

async function present({ store }: LaunchParts, receipt: Record<string, unknown>): Promise<Record<string, unknown>> {
  if (typeof receipt['instance'] !== 'number') return receipt;
  const instance = await findInstance(store.db, receipt['instance']);
  if (!instance) return receipt;
  return { ...receipt, ...receiptOf(instance.name, instance.id, presentState(instance)) };
}

function presentState(instance: Instance): string {
  return instance.desired === 'deleted' ? 'deleted' : instance.state;
}

export function receiptOf(name: string, id: number, state: string) {
  const nextSteps: Record<string, string> = {
    pending: `Follow it with get_instance ${id} (wait_seconds 30); once it runs, call it with model "${modelId({ name, id })}".`,
    stopping: `Its replicas are ending; restart_instance ${id} brings it back under the same model id.`,
    stopped: `restart_instance ${id} brings it back, delete_instance ${id} removes it.`,
    deleted: 'Nothing is left to do; its number is never used again.',
  };
  const next = nextSteps[state] ?? `Follow it with get_instance ${id}.`;
  return { instance: id, model: name, model_id: modelId({ name, id }), state, next_step: next };
}
