import type { Caller } from '../base/caller.ts';
import type { LaunchPlan } from '../plan/plan-launch.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { instanceFor, writeChange } from './change-instance.ts';
import type { InstanceDeps } from './dependencies.ts';
import { planFor } from './gather-facts.ts';
import type { Instance } from './instance.ts';
import { launchInputOf, modelOf, replicasToKeep } from './plan-change.ts';

export interface PreparedScale {
  instance: Instance;
  model: OwnedModel;
  /** For all replicas after the change. */
  plan: LaunchPlan;
  replicas: number;
}

/** Throws if a region has too few accelerators for the replicas. */
export async function prepareScale(
  deps: InstanceDeps,
  { instance: reference, replicas }: { instance: string; replicas: number },
  caller: Caller,
): Promise<PreparedScale> {
  const instance = await instanceFor(deps, reference, 'scale', caller);
  const model = await modelOf(deps, instance, undefined, caller);
  const input = launchInputOf(deps, instance, model, replicas);
  const plan = await planFor(deps, model, input, replicasToKeep(instance, replicas));
  return { instance, model, plan, replicas };
}

export async function commitScale(deps: InstanceDeps, { instance, replicas }: PreparedScale, unit: UnitOfWork) {
  await writeChange(deps, instance, { spec: { ...instance.spec, replicas } }, unit);
  return { instance: instance.id, model: instance.name, state: instance.state };
}
