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

/** What approvals ask of the operations. They know none of them by name. */
export interface ApprovableOperations {
  find(name: string): Operation | undefined;
  /** Checks the input and looks at the world. `accepted`: the request was accepted before and is looked at once more. */
  prepare(name: string, input: unknown, caller: Caller, accepted: boolean): Promise<PreparedMutation>;
}

export interface ApprovalDeps {
  store: Store;
  access: Access;
  /** Prices, for what a person's instances cost. */
  fleet: Fleet;
  operations: ApprovableOperations;
  /** The rules of the configuration as of now. */
  rules: () => RuleSource;
  changes: Changes;
  log: Log;
  clock: Clock;
  now: () => Date;
  /** Names of the front ends that show requests to the people who decide. */
  shownIn: Set<string>;
  /** Says that an approved request may be worth a look. Nothing depends on it. */
  nudge: (id: number) => void;
}

/** True if the person at the terminal is the only one: nobody else could approve. */
export async function isAlone({ access }: Pick<ApprovalDeps, 'access'>): Promise<boolean> {
  const everybody: Person[] = await access.membersOf({ roles: ['viewer'] });
  return everybody.length <= 1;
}

export function publish({ changes }: Pick<ApprovalDeps, 'changes'>, id: number): void {
  changes.publish({ kind: 'approval', id: String(id) });
}
