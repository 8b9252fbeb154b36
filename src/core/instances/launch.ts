import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import type { Caller } from '../base/caller.ts';
import { refuseOtherPlan } from '../plan/accept-plan.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import { regionsOf } from '../plan/plan-launch.ts';
import type { LaunchPlan } from '../plan/plan-launch.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { InstanceDeps } from './dependencies.ts';
import { plan } from './gather-facts.ts';
import { requestVolume, volumeOf } from '../volumes/model-volume.ts';
import type { InstanceSpec } from './instance.ts';
import { stopTime } from './stop-time.ts';
import { insertInstance } from './table.ts';

export type LaunchInstanceInput = LaunchInput & {
  plan_digest?: string;
  stop_after?: string;
  reason?: string;
};

export interface PreparedLaunch {
  input: LaunchInstanceInput;
  model: OwnedModel;
  plan: LaunchPlan;
  caller: Caller;
}

/** With `accepted`, the plan was accepted before, and the caller checks it for changes. */
export async function prepareLaunch(
  deps: InstanceDeps,
  input: LaunchInstanceInput,
  caller: Caller,
  accepted: boolean,
): Promise<PreparedLaunch> {
  const { plan: made, model } = await plan(deps, input, caller);
  if (model.private && input.private === false) throw modelIsPrivate(model.name);
  if (!accepted) refuseOtherPlan(made, input.plan_digest, 'launch');
  return { input, model, plan: made, caller };
}

export async function commitLaunch(deps: InstanceDeps, launch: PreparedLaunch, unit: UnitOfWork) {
  const { input, model, plan: made, caller } = launch;
  const { db } = unit;
  const now = deps.now();
  const regions = made.regions.map(({ region }) => ({ region, volume: volumeOf(deps.sources, model, region) }));
  for (const { region } of regions) await requestVolume(db, deps.sources, model, region);
  const id = await insertInstance(db, {
    name: model.name,
    registryModelId: model.id,
    spec: specOf(made, input),
    owner: caller.person.id,
    private: model.private || (input.private ?? false),
    createdAt: now.toISOString(),
    stopAt: input.stop_after === undefined ? undefined : stopTime(input.stop_after, now),
    regions,
  });
  // Read after the insert, because on PostgreSQL the insert waits for a concurrent deletion of the model.
  const still = await findModel(db, { id: model.id });
  if (still?.deletedAt !== undefined) throw modelGone(model.name);
  unit.afterCommit(() => {
    for (const { region, volume } of regions) {
      if (volume) deps.nudge({ volume });
      deps.nudge({ instance: id, region });
    }
    deps.changes.publish({ kind: 'instance', id: String(id) });
  });
  return {
    instance: id,
    model: model.name,
    state: 'pending',
    regions: made.regions.map(({ region }) => region),
    cost_per_hour: made.cost_per_hour,
  };
}

function specOf(made: LaunchPlan, input: LaunchInstanceInput): InstanceSpec {
  const [first] = made.regions;
  return {
    replicas: first?.replicas ?? 1,
    regions: regionsOf(made),
    accelerator: first?.accelerator,
    acceleratorCount: first?.accelerator_count,
    contextLength: input.context_length,
    maxSequences: input.max_sequences,
    memoryShare: input.memory_share,
    quantization: input.quantization,
    extraArguments: input.arguments,
    allowPickle: input.allow_pickle,
    modelFolderOnly: true,
    filesDigest: made.files?.digest,
    reason: input.reason,
    stopAfter: input.stop_after,
  };
}

function modelIsPrivate(name: string): Error {
  return fail('model_private', `"${name}" is private, so its instances are private too.`, {
    nextStep: say`Leave out ${fieldRef('private')}, or register the model again without it.`,
    field: 'private',
  });
}

function modelGone(name: string): Error {
  return fail('model_not_found', `The model "${name}" was deleted meanwhile.`, {
    nextStep: 'Register it again.',
    field: 'model',
  });
}
