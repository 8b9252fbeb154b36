import type { Transaction } from 'kysely';
import type { Database } from './schema.ts';
import type { Store } from './store.ts';

/** The transaction of one mutation, and what follows once it has committed. */
export interface UnitOfWork {
  readonly db: Transaction<Database>;
  /** Runs after the commit, in the order of the calls; not at all if the transaction fails. For hints only: a crash may lose it. */
  readonly afterCommit: (task: () => void) => void;
}

export async function inUnitOfWork<T>(store: Store, work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
  const tasks: (() => void)[] = [];
  const result = await store.transaction((db) => work({ db, afterCommit: (task) => void tasks.push(task) }));
  for (const task of tasks) task();
  return result;
}
