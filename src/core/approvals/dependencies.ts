import type { Access } from '../access/access.ts';
import type { Caller, Person } from '../base/caller.ts';
import type { Changes } from '../base/changes.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { PreparedMutation } from '../operation/mutation.ts';
import type { Operation } from '../operation/operation.ts';
import type { RuleSource } from '../policy/rules.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Store } from '../store/store.ts';

/** The operations, as approvals see them. Approvals know none by name. */
export interface ApprovableOperations {
  find(name: string): Operation | undefined;
  /** Returns the caller with their present role. Throws what a call of the operation would throw. */
  authorise(operation: Operation, caller: Caller): Promise<Caller>;
  /** Checks the input and reads the world. `accepted`: the request was accepted before and is checked again. */
  prepare(name: string, input: unknown, caller: Caller, accepted: boolean): Promise<PreparedMutation>;
}

export interface ApprovalDeps {
  store: Store;
  access: Access;
  /** Has the prices of accelerators. */
  fleet: Fleet;
  operations: ApprovableOperations;
  /** The rules of the configuration as of now. */
  rules: () => RuleSource;
  changes: Changes;
  log: Log;
  clock: Clock;
  now: () => Date;
  /** Names of the front ends that show requests to approvers. */
  shownIn: Set<string>;
  /** Runs the request soon, if it is approved. Without it, the next sweep does. */
  nudge: (id: number) => void;
}

/** True if only one person has a role, so that nobody else can approve. */
export async function isAlone({ access }: Pick<ApprovalDeps, 'access'>): Promise<boolean> {
  const everybody: Person[] = await access.membersOf({ roles: ['viewer'] });
  return everybody.length <= 1;
}

export function publish({ changes }: Pick<ApprovalDeps, 'changes'>, id: number): void {
  changes.publish({ kind: 'approval', id: String(id) });
}
