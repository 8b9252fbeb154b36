import type { Caller } from '../base/caller.ts';
import { mayChange } from '../registry/registry.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import { entryOf, foundImages, imagesOf, inputOf, notYours, refuseState } from './change-instance.ts';
import type { Instance } from './instance.ts';
import type { LaunchParts } from './dependencies.ts';
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
  parts: LaunchParts,
  reference: string,
  action: InstanceAction,
  caller: Caller,
): Promise<Instance> {
  const instance = await findVisibleInstance(parts.store.db, reference, caller);
  if (!mayChange(instance, caller)) throw notYours(instance);
  refuseState(instance, action);
  return instance;
}

/** The same with the entry that it serves. */
export async function examineEntry(
  parts: LaunchParts,
  reference: string,
  action: InstanceAction,
  caller: Caller,
): Promise<Pick<ExaminedChange, 'instance' | 'model'>> {
  const instance = await examineInstance(parts, reference, action, caller);
  return { instance, model: await entryOf(parts, instance, undefined, { caller }) };
}

/** What a scale or a restart would lead to. Changes nothing. */
export async function examineChange(
  parts: LaunchParts,
  reference: string,
  action: InstanceAction,
  caller: Caller,
  change: { replicas?: number; model?: string | undefined },
): Promise<ExaminedChange> {
  const instance = await examineInstance(parts, reference, action, caller);
  const model = await entryOf(parts, instance, change.model, { caller });
  const input = inputOf(parts, instance, model, change.replicas ?? instance.spec.replicas);
  const images = action === 'restart' ? foundImages(parts, instance) : imagesOf(instance);
  const plan = await planFor(parts, model, input, images);
  const before = model.id === instance.entryId ? model : await findModel(parts.store.db, { id: instance.entryId });
  return { instance, before, model, plan };
}
