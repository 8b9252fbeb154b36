import type { Caller } from '../base/caller.ts';
import { mayChange } from '../access/visibility.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import { entryOf, foundImages, imagesOf, inputOf, notYours, refuseState } from './change-instance.ts';
import type { Instance } from './instance.ts';
import type { LaunchDeps } from './dependencies.ts';
import { planFor } from './gather-facts.ts';
import type { LaunchPlan } from '../plan/plan-launch.ts';
import { findVisibleInstance } from './read-instances.ts';
import type { InstanceAction } from './states.ts';

export interface ExaminedChange {
  instance: Instance;
  /** The entry that it serves now; undefined where nothing is left of it. */
  before: OwnedModel | undefined;
  /** The entry that it would go on with. */
  model: OwnedModel;
  plan: LaunchPlan;
}

/** The instance an action is for. Throws what the action itself would: not found, not the caller's, in the wrong state. */
export async function examineInstance(
  deps: LaunchDeps,
  reference: string,
  action: InstanceAction,
  caller: Caller,
): Promise<Instance> {
  const instance = await findVisibleInstance(deps.store.db, reference, caller);
  if (!mayChange(instance, caller)) throw notYours(instance);
  refuseState(instance, action);
  return instance;
}

/** The same with the entry that it serves. */
export async function examineEntry(
  deps: LaunchDeps,
  reference: string,
  action: InstanceAction,
  caller: Caller,
): Promise<Pick<ExaminedChange, 'instance' | 'model'>> {
  const instance = await examineInstance(deps, reference, action, caller);
  return { instance, model: await entryOf(deps, instance, undefined, { caller }) };
}

/** What a scale or a restart would lead to. Changes nothing. */
export async function examineChange(
  deps: LaunchDeps,
  reference: string,
  action: InstanceAction,
  caller: Caller,
  change: { replicas?: number; model?: string | undefined },
): Promise<ExaminedChange> {
  const instance = await examineInstance(deps, reference, action, caller);
  const model = await entryOf(deps, instance, change.model, { caller });
  const input = inputOf(deps, instance, model, change.replicas ?? instance.spec.replicas);
  const images = action === 'restart' ? foundImages(deps, instance) : imagesOf(instance);
  const plan = await planFor(deps, model, input, images);
  const before = model.id === instance.entryId ? model : await findModel(deps.store.db, { id: instance.entryId });
  return { instance, before, model, plan };
}
