import { mayRead } from '../access/visibility.ts';
import type { Caller } from '../base/caller.ts';
import { say } from '../base/prose.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { InstanceDeps } from './dependencies.ts';
import { commitEnd, prepareEnd } from './end-instance.ts';
import type { End, PreparedEnd } from './end-instance.ts';
import { commitExtension, prepareExtension } from './extend-instance.ts';
import type { PreparedExtension } from './extend-instance.ts';
import { plan } from './gather-facts.ts';
import { commitLaunch, prepareLaunch } from './launch.ts';
import type { LaunchInstanceInput, PreparedLaunch } from './launch.ts';
import { getInstance, getLogs, listInstances, viewForFrontEnds } from './read-instances.ts';
import type { ListInstancesInput, LogsInput } from './read-instances.ts';
import { receiptOf, whereItRuns } from './receipt.ts';
import { commitRestart, prepareRestart } from './restart-instance.ts';
import type { PreparedRestart, RestartInput } from './restart-instance.ts';
import { commitScale, prepareScale } from './scale-instance.ts';
import type { PreparedScale } from './scale-instance.ts';
import { findInstance, privacyOfInstance } from './table.ts';

export type Instances = ReturnType<typeof createInstances>;

/** Launches, changes and shows instances. For each change, `prepare` reads and throws, and `commit` writes. */
export function createInstances(deps: InstanceDeps) {
  return {
    plan: async (input: LaunchInput, caller: Caller) => (await plan(deps, input, caller)).plan,
    prepareLaunch: (input: LaunchInstanceInput, caller: Caller, accepted: boolean) =>
      prepareLaunch(deps, input, caller, accepted),
    commitLaunch: (prepared: PreparedLaunch, unit: UnitOfWork) => commitLaunch(deps, prepared, unit),
    prepareEnd: (reference: string, end: End, caller: Caller) => prepareEnd(deps, reference, end, caller),
    commitEnd: (prepared: PreparedEnd, unit: UnitOfWork) => commitEnd(deps, prepared, unit),
    prepareRestart: (input: RestartInput, caller: Caller, accepted: boolean) =>
      prepareRestart(deps, input, caller, accepted),
    commitRestart: (prepared: PreparedRestart, unit: UnitOfWork) => commitRestart(deps, prepared, unit),
    prepareScale: (input: { instance: string; replicas: number }, caller: Caller) => prepareScale(deps, input, caller),
    commitScale: (prepared: PreparedScale, unit: UnitOfWork) => commitScale(deps, prepared, unit),
    prepareExtension: (input: { instance: string; stop_after: string }, caller: Caller) =>
      prepareExtension(deps, input, caller),
    commitExtension: (prepared: PreparedExtension, unit: UnitOfWork) => commitExtension(deps, prepared, unit),
    /** The receipt of a committed change. A repeated call gets the current state. */
    receipt: (committed: Committed, replayed: boolean) => receipt(deps, committed, replayed),
    list: (input: ListInstancesInput, caller: Caller) => listInstances(deps, input, caller),
    get: (reference: string, caller: Caller, waitSeconds?: number, signal?: AbortSignal) =>
      getInstance(deps, reference, caller, waitSeconds, signal),
    /** Whether the caller may know of the instance, also if it is deleted. */
    maySee: async (id: number, caller: Caller) => {
      const found = await privacyOfInstance(deps.store.db, id);
      return found !== undefined && mayRead(found, caller);
    },
    /** For front ends that show an instance without a call. They look at `private` themselves. */
    view: (id: number) => viewForFrontEnds(deps, id),
    logs: (input: LogsInput, caller: Caller) => getLogs(deps, input, caller),
  };
}

interface Committed {
  instance: number;
  /** The name in its model id. */
  model: string;
  state: string;
  stop_at?: string;
  regions?: string[];
  cost_per_hour?: number | null;
}

async function receipt({ store, fleet }: InstanceDeps, committed: Committed, replayed: boolean) {
  const instance = await findInstance(store.db, committed.instance);
  const now = instance?.desired === 'deleted' ? 'deleted' : instance?.state;
  const made = receiptOf(committed.model, committed.instance, (replayed ? now : undefined) ?? committed.state);
  const { regions, cost_per_hour, stop_at: stopAt } = committed;
  if (stopAt !== undefined) return { ...made, next_step: say`It stops by itself at ${stopAt}.` };
  if (regions === undefined) return made;
  const where = whereItRuns(regions, cost_per_hour ?? null, fleet.regions().length > 1);
  const failover = regions.length > 1;
  return { ...made, regions, failover, cost_per_hour, next_step: say`${where} ${made.next_step}` };
}
