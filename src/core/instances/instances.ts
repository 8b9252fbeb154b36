import type { Caller } from '../base/caller.ts';
import type { Asking } from '../operation/mutation-context.ts';
import { fail } from '../base/errors.ts';
import { findInstance, insertInstance } from './table.ts';
import { findModel } from '../registry/table.ts';
import { refuseOtherPlan } from '../plan/accept-plan.ts';
import {
  changeInstance,
  extendInstance,
  removeInstance,
  restartInstance,
  scaleInstance,
  stopInstance,
} from './change-instance.ts';
import type { RestartInput } from './change-instance.ts';
import { examineChange, examineEntry, examineInstance } from './examine-change.ts';
import type { Instance, InstanceSpec } from './instance.ts';
import type { LaunchDeps } from './dependencies.ts';
import { plan, volumeOf, want } from './gather-facts.ts';
import { regionsOf } from '../plan/plan-launch.ts';
import type { LaunchPlan } from '../plan/plan-launch.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import { getInstance, getLogs, listInstances } from './read-instances.ts';
import type { ListInstancesInput, LogsInput } from './read-instances.ts';
import { receiptOf } from './receipt.ts';
import type { InstanceAction } from './states.ts';
import { stopTime } from './stop-time.ts';

export type LaunchInstanceInput = LaunchInput & {
  plan_digest?: string | undefined;
  stop_after?: string | undefined;
  reason?: string | undefined;
};

export type Launches = ReturnType<typeof createLaunches>;

export function createLaunches(deps: LaunchDeps) {
  return {
    plan: (input: LaunchInput, caller: Caller) => plan(deps, input, caller).then((made) => made.plan),
    /** The same with the entry. Throws what a launch of this very plan would, unless the plan was accepted before. */
    examine: async (input: LaunchInstanceInput, caller: Caller, accepted: boolean) => {
      const examined = await plan(deps, input, caller);
      if (!accepted) refuseOtherPlan(examined.plan, input.plan_digest, 'launch');
      return examined;
    },
    examineInstance: (reference: string, action: InstanceAction, caller: Caller) =>
      examineInstance(deps, reference, action, caller),
    examineEntry: (reference: string, action: InstanceAction, caller: Caller) =>
      examineEntry(deps, reference, action, caller),
    examineChange: (
      reference: string,
      action: InstanceAction,
      caller: Caller,
      change: { replicas?: number; model?: string | undefined },
    ) => examineChange(deps, reference, action, caller, change),
    launch: (input: LaunchInstanceInput, context: Asking) => launch(deps, input, context),
    list: (input: ListInstancesInput, caller: Caller) => listInstances(deps, input, caller),
    /** A receipt as of now: a replay answers with the present state of what its first call made. */
    present: (receipt: Record<string, unknown>) => present(deps, receipt),
    get: (reference: string, caller: Caller, waitSeconds?: number, signal?: AbortSignal) =>
      getInstance(deps, reference, caller, waitSeconds, signal),
    logs: (input: LogsInput, caller: Caller) => getLogs(deps, input, caller),
    stop: (input: { instance: string }, context: Asking) =>
      changeInstance(deps, input.instance, 'stop', context, stopInstance),
    restart: (input: RestartInput, context: Asking) =>
      changeInstance(deps, input.instance, 'restart', context, (instance) =>
        restartInstance(deps, instance, input, context),
      ),
    scale: (input: { instance: string; replicas: number }, context: Asking) =>
      changeInstance(deps, input.instance, 'scale', context, (instance) =>
        scaleInstance(deps, instance, input.replicas, context),
      ),
    extend: (input: { instance: string; stop_after: string }, context: Asking) =>
      changeInstance(deps, input.instance, 'extend', context, (instance) =>
        extendInstance(instance, input.stop_after, deps.now()),
      ),
    remove: (input: { instance: string }, context: Asking) =>
      changeInstance(deps, input.instance, 'delete', context, removeInstance),
  };
}

async function launch(deps: LaunchDeps, input: LaunchInstanceInput, context: Asking) {
  const { plan: made, model } = await plan(deps, input, context.caller);
  refuseOtherPlan(made, input.plan_digest, 'launch');
  const regions = made.regions.map(({ region }) => ({ region, volume: volumeOf(model, region) }));
  const now = deps.now();
  const receipt = await deps.store.transaction(async (transaction) => {
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
    if (volume) deps.nudge({ volume });
    deps.nudge({ instance: receipt.instance, region });
  }
  deps.changes.publish({ kind: 'instance', id: String(receipt.instance) });
  return receipt;
}

function specOf(made: LaunchPlan, input: LaunchInstanceInput): InstanceSpec {
  const [first] = made.regions;
  return {
    replicas: first?.replicas ?? 1,
    regions: regionsOf(made),
    ...(first?.accelerator === undefined ? {} : { accelerator: first.accelerator }),
    ...(first?.accelerator_count === undefined ? {} : { acceleratorCount: first.accelerator_count }),
    ...(input.context_length === undefined ? {} : { contextLength: input.context_length }),
    ...(input.arguments === undefined ? {} : { extraArguments: input.arguments }),
    ...(input.allow_pickle === undefined ? {} : { allowPickle: input.allow_pickle }),
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    ...(input.stop_after === undefined ? {} : { stopAfter: input.stop_after }),
  };
}

function modelGone(name: string): Error {
  return fail('model_not_found', `"${name}" was deleted meanwhile.`, {
    nextStep: 'Register it again.',
    field: 'model',
  });
}

async function present({ store }: LaunchDeps, receipt: Record<string, unknown>): Promise<Record<string, unknown>> {
  if (typeof receipt['instance'] !== 'number') return receipt;
  const instance = await findInstance(store.db, receipt['instance']);
  if (!instance) return receipt;
  return { ...receipt, ...receiptOf(instance.name, instance.id, presentState(instance)) };
}

function presentState(instance: Instance): string {
  return instance.desired === 'deleted' ? 'deleted' : instance.state;
}
