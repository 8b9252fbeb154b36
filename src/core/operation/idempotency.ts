import { fail } from '../base/errors.ts';
import { digestOf } from '../base/ids.ts';
import type { Queries, Store } from '../store/store.ts';

const keptMs = 7 * 24 * 3600_000;

/** The record of what was committed under an idempotency key. */
export interface Ledger {
  /** What an earlier call with this key committed. Throws `idempotency_key_used` if it had another input. */
  find(): Promise<Replay | undefined>;
  /**
   * Stores what is committed, in the transaction of the change, so that a repeated call finds both or neither. If two
   * calls with one key run at once, the transaction of the second fails.
   */
  keep(db: Queries, committed: object): Promise<void>;
}

/** What an earlier call committed. `at`: when it did, in ISO 8601. */
export interface Replay {
  committed: unknown;
  at: string;
}

interface LedgerKey {
  /** The id of the person. Keys of other people and operations are other keys. */
  person: string;
  operation: string;
  key: string;
  inputHash: string;
}

const withoutKey: Ledger = { find: async () => undefined, keep: async () => {} };

/** The ledger of a call. Only success is stored, so a failed call frees its key. */
export function ledgerOf(
  store: Store,
  operation: string,
  person: string,
  input: Record<string, unknown>,
  now: () => Date,
): Ledger {
  const { idempotency_key: key, ...rest } = input;
  if (typeof key !== 'string') return withoutKey;
  return createLedger(store, { person, operation, key, inputHash: digestOf(rest) }, now);
}

export function createLedger(store: Store, { person, operation, key, inputHash }: LedgerKey, now: () => Date): Ledger {
  const oldest = (): string => new Date(now().getTime() - keptMs).toISOString();
  return {
    async find() {
      const row = await store.db
        .selectFrom('idempotency')
        .select(['input_hash', 'outcome', 'created_at'])
        .where('person_id', '=', person)
        .where('operation', '=', operation)
        .where('key', '=', key)
        .where('created_at', '>=', oldest())
        .executeTakeFirst();
      if (!row) return undefined;
      if (row.input_hash !== inputHash) throw idempotencyKeyUsed();
      return { committed: JSON.parse(row.outcome), at: row.created_at };
    },
    async keep(db, committed) {
      await db.deleteFrom('idempotency').where('created_at', '<', oldest()).execute();
      const outcome = JSON.stringify(committed);
      const row = {
        person_id: person,
        operation,
        key,
        input_hash: inputHash,
        outcome,
        created_at: now().toISOString(),
      };
      await db.insertInto('idempotency').values(row).execute();
    },
  };
}

export function idempotencyKeyUsed(): Error {
  return fail('idempotency_key_used', 'This idempotency key was used with another input.', {
    nextStep: 'Send the first input again to get its result, or use a new key.',
    field: 'idempotency_key',
  });
}
