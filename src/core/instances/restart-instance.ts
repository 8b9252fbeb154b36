import type { Caller } from '../base/caller.ts';
import { refuseOtherPlan } from '../plan/accept-plan.ts';
import { regionsOf } from '../plan/plan-launch.ts';
import type { LaunchPlan } from '../plan/plan-launch.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { instanceFor, writeChange } from './change-instance.ts';
import type { InstanceDeps } from './dependencies.ts';
import { planFor } from './gather-facts.ts';
import { volumeOf, want } from '../volumes/model-volume.ts';
import type { Instance } from './instance.ts';
import { foundImages, launchInputOf, modelOf } from './plan-change.ts';
import { stopTime } from './stop-time.ts';

export interface RestartInput {
  instance: string;
  model?: string | undefined;
  plan_digest?: string | undefined;
}

export interface PreparedRestart {
  instance: Instance;
  /** The model that it serves now. Undefined if nothing is left of it. */
  before: OwnedModel | undefined;
  /** The model that it goes on with. */
  model: OwnedModel;
  plan: LaunchPlan;
  allowPickle: boolean;
}

/** `accepted`: somebody accepted the plan before, and drift is looked for elsewhere. */
export async function prepareRestart(
  deps: InstanceDeps,
  given: RestartInput,
  caller: Caller,
  accepted: boolean,
): Promise<PreparedRestart> {
  const instance = await instanceFor(deps, given.instance, 'restart', caller);
  const model = await modelOf(deps, instance, given.model, caller);
  const input = launchInputOf(deps, instance, model, instance.spec.replicas);
  const plan = await planFor(deps, model, input, foundImages(deps, instance));
  if (!accepted) refuseOtherPlan(plan, given.plan_digest, 'restart');
  const before = model.id === instance.entryId ? model : await findModel(deps.store.db, { id: instance.entryId });
  return { instance, before, model, plan, allowPickle: input.allow_pickle === true };
}

export async function commitRestart(deps: InstanceDeps, prepared: PreparedRestart, unit: UnitOfWork) {
  const { instance, model, plan, allowPickle } = prepared;
  const regions = instance.spec.regions.map(({ region }) => ({
    region,
    volume: volumeOf(deps.sources, model, region),
  }));
  const { stopAfter } = instance.spec;
  const wakes = instance.desired === 'stopped' && stopAfter !== undefined;
  for (const { region } of regions) await want(unit.db, deps.sources, model, region);
  await writeChange(
    deps,
    instance,
    {
      desired: 'running',
      entryId: model.id,
      spec: { ...instance.spec, regions: regionsOf(plan), allowPickle },
      generation: instance.generation + 1,
      state: 'pending',
      regions,
      ...(wakes ? { stopAt: stopTime(stopAfter, deps.now()) } : {}),
    },
    unit,
  );
  return { instance: instance.id, model: instance.name, state: 'pending' };
}
