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
import { requestVolume, volumeOf } from '../volumes/model-volume.ts';
import type { Instance } from './instance.ts';
import { firstImages, launchInputOf, modelOf } from './plan-change.ts';
import { stopTime } from './stop-time.ts';

export interface RestartInput {
  instance: string;
  model?: string;
  plan_digest?: string;
}

export interface PreparedRestart {
  instance: Instance;
  /** The model that it serves now. Undefined if its row is gone. */
  before: OwnedModel | undefined;
  /** The model that it will serve. */
  model: OwnedModel;
  plan: LaunchPlan;
  allowPickle: boolean;
}

/** With `accepted`, the plan was accepted before, and the caller checks it for changes. */
export async function prepareRestart(
  deps: InstanceDeps,
  given: RestartInput,
  caller: Caller,
  accepted: boolean,
): Promise<PreparedRestart> {
  const instance = await instanceFor(deps, given.instance, 'restart', caller);
  const model = await modelOf(deps, instance, given.model, caller);
  const input = launchInputOf(deps, instance, model, instance.spec.replicas);
  const plan = await planFor(deps, model, input, firstImages(deps, instance));
  if (!accepted) refuseOtherPlan(plan, given.plan_digest, 'restart');
  const before =
    model.id === instance.registryModelId ? model : await findModel(deps.store.db, { id: instance.registryModelId });
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
  for (const { region } of regions) await requestVolume(unit.db, deps.sources, model, region);
  await writeChange(
    deps,
    instance,
    {
      desired: 'running',
      registryModelId: model.id,
      spec: {
        ...instance.spec,
        regions: regionsOf(plan),
        allowPickle,
        modelFolderOnly: true,
        filesDigest: plan.files?.digest,
      },
      generation: instance.generation + 1,
      state: 'pending',
      // A private model makes the instance private. It stays private with the next model.
      private: instance.private || model.private,
      regions,
      stopAt: wakes ? stopTime(stopAfter, deps.now()) : undefined,
      startedAt: instance.desired === 'stopped' ? deps.now().toISOString() : undefined,
    },
    unit,
  );
  return { instance: instance.id, model: instance.name, state: 'pending' };
}
