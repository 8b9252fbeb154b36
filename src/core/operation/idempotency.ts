import type { Transaction } from 'kysely';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { digestOf } from '../base/ids.ts';
import type { Operation } from './operation.ts';
import type { Database } from '../store/schema.ts';
import type { Queries, Store } from '../store/store.ts';

const keptMs = 7 * 24 * 3600_000;

type Outcome = Record<string, unknown>;

export interface Ledger {
  /** The outcome of an earlier call with this key, if there was one. Throws where its input was another. */
  replay: () => Promise<Outcome | undefined>;
  /** Writes the outcome inside the transaction that makes the change: a second call that races loses its transaction. */
  settle: (transaction: Transaction<Database>, outcome: object) => Promise<void>;
  /** For what has no transaction of its own: writes the outcome unless `settle` has. */
  finish: (outcome: Outcome) => Promise<void>;
  /** After a failure: the outcome of a call with the same key that came in between, if one did and this one did nothing. */
  lostTo: () => Promise<Outcome | undefined>;
}

const withoutKey: Ledger = {
  replay: async () => undefined,
  settle: async () => {},
  finish: async () => {},
  lostTo: async () => undefined,
};

/** Scoped to person and operation. Only success is kept: a failed call frees its key. */
export function createLedger(
  store: Store,
  operation: Pick<Operation, 'name'>,
  input: Outcome,
  caller: Pick<Caller, 'person'>,
  now: () => Date,
): Ledger {
  const { idempotency_key: key, ...rest } = input;
  if (typeof key !== 'string') return withoutKey;
  const inputHash = digestOf(rest);
  let settled = false;
  const write = async (db: Queries, outcome: object): Promise<void> => {
    await db
      .deleteFrom('idempotency')
      .where('created_at', '<', new Date(now().getTime() - keptMs).toISOString())
      .execute();
    await db
      .insertInto('idempotency')
      .values({
        person_id: caller.person.id,
        operation: operation.name,
        key,
        input_hash: inputHash,
        outcome: JSON.stringify(outcome),
        created_at: now().toISOString(),
      })
      .execute();
  };
  const replay = async (): Promise<Outcome | undefined> => {
    const row = await store.db
      .selectFrom('idempotency')
      .select(['input_hash', 'outcome'])
      .where('person_id', '=', caller.person.id)
      .where('operation', '=', operation.name)
      .where('key', '=', key)
      .where('created_at', '>=', new Date(now().getTime() - keptMs).toISOString())
      .executeTakeFirst();
    if (!row) return undefined;
    if (row.input_hash === inputHash) return JSON.parse(row.outcome) as Outcome;
    throw idempotencyKeyUsed();
  };
  return {
    replay,
    lostTo: async () => (settled ? undefined : replay()),
    async settle(transaction, outcome) {
      await write(transaction, outcome);
      settled = true;
    },
    async finish(outcome) {
      if (!settled) await write(store.db, outcome);
    },
  };
}

export function idempotencyKeyUsed(): Error {
  return fail('idempotency_key_used', 'This idempotency key was used for another input.', {
    nextStep: 'Send the first input again to get its outcome, or take a new key.',
    field: 'idempotency_key',
  });
}
