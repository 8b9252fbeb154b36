import { fail } from '../base/errors.ts';
import { digestOf } from '../base/ids.ts';
import type { Queries, Store } from '../store/store.ts';

const keptMs = 7 * 24 * 3600_000;

/** What was committed under an idempotency key. */
export interface Ledger {
  /** What an earlier call with this key committed, and when. Throws `idempotency_key_used` if its input was another. */
  find(): Promise<{ committed: unknown } | undefined>;
  /**
   * Keeps what is committed, in the transaction that makes the change. A repeated call then finds both or neither. Of two
   * calls at the same moment the second loses its transaction.
   */
  keep(db: Queries, committed: object): Promise<void>;
}

interface LedgerKey {
  /** The id of the person: keys are scoped to person and operation. */
  person: string;
  operation: string;
  key: string;
  inputHash: string;
}

const withoutKey: Ledger = { find: async () => undefined, keep: async () => {} };

/** The ledger of a call. Only success is kept: a failed call frees its key. */
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
        .select(['input_hash', 'outcome'])
        .where('person_id', '=', person)
        .where('operation', '=', operation)
        .where('key', '=', key)
        .where('created_at', '>=', oldest())
        .executeTakeFirst();
      if (!row) return undefined;
      if (row.input_hash !== inputHash) throw idempotencyKeyUsed();
      return { committed: JSON.parse(row.outcome) };
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
  return fail('idempotency_key_used', 'This idempotency key was used for another input.', {
    nextStep: 'Send the first input again to get its outcome, or take a new key.',
    field: 'idempotency_key',
  });
}
