import type { Access } from '../access/access.ts';
import type { Person } from '../base/caller.ts';
import type { Log } from '../base/log.ts';
import type { Changes } from '../base/changes.ts';
import type { RuleSource } from '../policy/rules.ts';
import type { Store } from '../store/store.ts';
import type { Previewing } from '../operations/preview-context.ts';

/** What deciding works with. */
export interface ApprovalDeps {
  store: Store;
  access: Access;
  /** The config's rules as of now. */
  rules: () => RuleSource;
  /** What previews are made with; known once all services are. */
  previewing: () => Previewing['services'];
  changes: Changes;
  log: Log;
  now: () => Date;
  /** Front ends that show requests to the people who decide, by name. */
  shownIn: Set<string>;
  /** Says that an approved request may be worth a look. Nothing depends on it. */
  nudge: (id: number) => void;
}

/** True where the person at the terminal is all there is: nobody could approve who is not asked already. */
export async function isAlone({ access }: Pick<ApprovalDeps, 'access'>): Promise<boolean> {
  const everybody: Person[] = await access.membersOf({ roles: ['viewer'] });
  return everybody.length <= 1;
}

export function publish({ changes }: Pick<ApprovalDeps, 'changes'>, id: number): void {
  changes.publish({ kind: 'approval', id: String(id) });
}
