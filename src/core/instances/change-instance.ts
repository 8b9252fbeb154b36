import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from 'kysely';
import type { Asking } from '../operation/mutation-context.ts';
import { fail } from '../base/errors.ts';
import { isPickle } from '../registry/model.ts';
import { mayChange } from '../access/visibility.ts';
import { findInstance, holdInstance, updateDesired } from './table.ts';
import type { DesiredUpdate } from './table.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Database } from '../store/schema.ts';
import { refuseOtherPlan } from '../plan/accept-plan.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';
import type { LaunchDeps } from './dependencies.ts';
import { planFor, volumeOf, want } from './gather-facts.ts';
import type { KeptImages } from './gather-facts.ts';
import { regionsOf } from '../plan/plan-launch.ts';
import type { KeptImage } from '../plan/plan-launch.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import { receiptOf } from './receipt.ts';
import { imageOf } from '../runtimes/runtime.ts';
import { findVisibleInstance } from './read-instances.ts';
import { actionsByState, allows } from './states.ts';
import type { InstanceAction } from './states.ts';
import { stopTime } from './stop-time.ts';

export interface RestartInput {
  instance: string;
  model?: string | undefined;
  plan_digest?: string | undefined;
}

/** What an action writes, and what it needs besides in the same transaction. */
export interface Change {
  update: DesiredUpdate;
  state: string;
  /** In place of the usual words. */
  nextStep?: string;
  also?: (transaction: Transaction<Database>) => Promise<void>;
}

/**
 * Runs one action on an instance: finds it for the caller, gathers what the action needs, then checks and writes in one
 * transaction, so that two callers cannot both act on the same state.
 */
export async function changeInstance(
  deps: LaunchDeps,
  reference: string,
  action: InstanceAction,
  context: Asking,
  decide: (instance: Instance) => Change | Promise<Change>,
) {
  const found = await findVisibleInstance(deps.store.db, reference, context.caller);
  if (!mayChange(found, context.caller)) throw notYours(found);
  refuseState(found, action);
  const change = await decide(found);
  const usual = receiptOf(found.name, found.id, change.state);
  const receipt = change.nextStep === undefined ? usual : { ...usual, next_step: change.nextStep };
  await deps.store.transaction(async (transaction) => {
    await holdInstance(transaction, found.id);
    const now = (await findInstance(transaction, found.id)) as Instance;
    if (isOther(now, found)) throw changedMeanwhile(found);
    await change.also?.(transaction);
    await updateDesired(transaction, found.id, change.update, deps.now().toISOString());
    await context.settle(transaction, receipt);
  });
  for (const { region } of found.regions) deps.nudge({ instance: found.id, region });
  deps.changes.publish({ kind: 'instance', id: String(found.id) });
  return receipt;
}

/** Of these `decide` made the change: on top of others it would undo what somebody else did. */
function isOther(now: Instance, found: Instance): boolean {
  return (
    now.generation !== found.generation || now.desired !== found.desired || !isDeepStrictEqual(now.spec, found.spec)
  );
}

export function stopInstance(_instance: Instance): Change {
  return { update: { desired: 'stopped', state: 'stopping', stopAt: null }, state: 'stopping' };
}

export function removeInstance(_instance: Instance): Change {
  return { update: { desired: 'deleted', stopAt: null }, state: 'deleted' };
}

/** From now on, and not on top of what is left: who asks and who approves know what they get. */
export function extendInstance(instance: Instance, after: string, now: Date): Change {
  const stopAt = stopTime(after, now);
  return {
    update: { stopAt, spec: { ...instance.spec, stopAfter: after } },
    state: instance.state,
    nextStep: `It stops by itself at ${stopAt}.`,
  };
}

export async function scaleInstance(
  deps: LaunchDeps,
  instance: Instance,
  replicas: number,
  context: Asking,
): Promise<Change> {
  const model = await entryOf(deps, instance, undefined, context);
  // The plan refuses what the region cannot hold.
  await planFor(deps, model, inputOf(deps, instance, model, replicas), imagesOf(instance));
  return { update: { spec: { ...instance.spec, replicas } }, state: instance.state };
}

export async function restartInstance(
  deps: LaunchDeps,
  instance: Instance,
  given: Pick<RestartInput, 'model' | 'plan_digest'>,
  context: Asking,
): Promise<Change> {
  const model = await entryOf(deps, instance, given.model, context);
  const input = inputOf(deps, instance, model, instance.spec.replicas);
  const plan = await planFor(deps, model, input, foundImages(deps, instance));
  refuseOtherPlan(plan, given.plan_digest, 'restart');
  const regions = instance.spec.regions.map(({ region }) => ({ region, volume: volumeOf(model, region) }));
  const { stopAfter } = instance.spec;
  return {
    state: 'pending',
    update: {
      desired: 'running',
      entryId: model.id,
      spec: { ...instance.spec, regions: regionsOf(plan), allowPickle: input.allow_pickle === true },
      generation: instance.generation + 1,
      state: 'pending',
      regions,
      ...(instance.desired === 'stopped' && stopAfter !== undefined ? { stopAt: stopTime(stopAfter, deps.now()) } : {}),
    },
    also: async (transaction) => {
      for (const { region, volume } of regions) if (volume) await want(transaction, model, region, volume);
    },
  };
}

/** The entry that the instance goes on with. A deleted one of its own is still good: its files are known. */
export async function entryOf(
  deps: LaunchDeps,
  instance: Instance,
  other: string | undefined,
  context: Pick<Asking, 'caller'>,
): Promise<OwnedModel> {
  if (other !== undefined) return deps.registry.find(other, context.caller);
  const own = await findModel(deps.store.db, { id: instance.entryId });
  if (own) return own;
  throw fail('model_not_found', `The entry of ${modelId(instance)} is gone.`, {
    nextStep: 'Name another model to go on with.',
    field: 'model',
  });
}

export function inputOf(deps: LaunchDeps, instance: Instance, model: OwnedModel, replicas: number): LaunchInput {
  const { spec } = instance;
  return {
    model: instance.name,
    regions: spec.regions.map(({ region }) => region),
    replicas,
    runtime: runtimeOf(deps, instance, model),
    accelerator: spec.accelerator,
    accelerator_count: spec.acceleratorCount,
    context_length: spec.contextLength,
    arguments: spec.extraArguments,
    // What it runs already was let in when it was launched.
    allow_pickle: spec.allowPickle ?? (isPickle(model) && model.id === instance.entryId),
  };
}

/** What its replicas are made from now: a scale changes nothing of it. */
export function imagesOf({ spec }: Instance): KeptImages {
  return new Map(
    spec.regions.flatMap(({ region, runtime, image }) => (image === undefined ? [] : [[region, { runtime, image }]])),
  );
}

/**
 * What was found under the image's name when the instance first ran: a restart goes on with the same, wherever the tag
 * has moved. Not so where the runtime names another image by now.
 */
export function foundImages({ fleet }: LaunchDeps, { regions, spec }: Instance): KeptImages {
  const found = new Map<string, KeptImage>();
  for (const { region, image } of regions) {
    const name = spec.regions.find((each) => each.region === region)?.runtime;
    const known = image !== undefined && fleet.regions().some((each) => each.name === region);
    const runtime = known ? fleet.runtimes(region).find((each) => each.name === name) : undefined;
    const named = runtime === undefined ? undefined : imageOf(runtime);
    if (runtime && named !== undefined && image?.startsWith(`${named}@`))
      found.set(region, { runtime: runtime.name, image });
  }
  return found;
}

/** The runtime that it runs on, where it still serves this entry in all its regions; else EcoLink picks again. */
function runtimeOf({ fleet }: LaunchDeps, instance: Instance, model: OwnedModel): string | undefined {
  const { regions } = instance.spec;
  const name = regions[0]?.runtime;
  const serves = (region: string): boolean =>
    fleet.runtimesFor(region, model.category, model.format, model.task).some((runtime) => runtime.name === name);
  return regions.every(({ region, runtime }) => runtime === name && serves(region)) ? name : undefined;
}

export function refuseState(instance: Instance, action: InstanceAction): void {
  if (allows(action, instance.state)) return;
  const states = actionsByState[action].join(', ');
  throw fail(
    'wrong_state',
    `${modelId(instance)} is ${instance.state}; ${action} is for instances that are ${states}.`,
    {
      nextStep:
        action === 'delete'
          ? `Stop it first: stop_instance ${instance.id}.`
          : `Wait for it to settle: get_instance ${instance.id}.`,
      field: 'instance',
    },
  );
}

function changedMeanwhile(instance: Instance): Error {
  return fail('changed_meanwhile', `Somebody else changed ${modelId(instance)} at the same moment.`, {
    nextStep: `Look at it (get_instance ${instance.id}) and ask again.`,
    retryable: true,
  });
}

export function notYours(instance: Instance): Error {
  return fail(
    'not_owner',
    `${modelId(instance)} belongs to ${instance.ownerName}; only its owner and admins change it.`,
    {
      nextStep: `Ask ${instance.ownerName} or an admin.`,
    },
  );
}
