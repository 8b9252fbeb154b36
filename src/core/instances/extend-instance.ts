import type { Caller } from '../base/caller.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { instanceFor, writeChange } from './change-instance.ts';
import type { InstanceDeps } from './dependencies.ts';
import type { Instance } from './instance.ts';
import { modelOf } from './plan-change.ts';
import { stopTime } from './stop-time.ts';
import { usageOf } from './usage.ts';
import type { Usage } from '../policy/facts.ts';

export interface PreparedExtension {
  instance: Instance;
  model: OwnedModel;
  stopAfter: string;
  /** The new end, counted from the moment of `prepare`. */
  until: string;
  usage: Usage;
}

/** Makes no new plan: a full region must not stop an instance from running on. */
export async function prepareExtension(
  deps: InstanceDeps,
  given: { instance: string; stop_after: string },
  caller: Caller,
): Promise<PreparedExtension> {
  const instance = await instanceFor(deps, given.instance, 'extend', caller);
  return {
    instance,
    model: await modelOf(deps, instance, undefined, caller),
    stopAfter: given.stop_after,
    until: stopTime(given.stop_after, deps.now()),
    usage: usageOf(instance.spec, deps.fleet),
  };
}

/** Counts from now, not from the old end, so that requester and approvers know the new end. */
export async function commitExtension(deps: InstanceDeps, prepared: PreparedExtension, unit: UnitOfWork) {
  const { instance, stopAfter } = prepared;
  const stopAt = stopTime(stopAfter, deps.now());
  await writeChange(deps, instance, { stopAt, spec: { ...instance.spec, stopAfter } }, unit);
  return { instance: instance.id, model: instance.name, state: instance.state, stop_at: stopAt };
}
