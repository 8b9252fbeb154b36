import type { Transaction } from 'kysely';
import type { Caller } from '../base/caller.ts';
import type { Database } from '../store/schema.ts';

/** Who asks, and how the outcome is kept: what a service needs besides its input. */
export interface Asking {
  caller: Caller;
  requestId: string;
  /** Ends waiting when the caller has gone. */
  signal?: AbortSignal;
  /**
   * Writes a mutation's outcome under its idempotency key. Call it inside the transaction that makes the change: then
   * a repeated call finds either both or neither, whatever died in between.
   */
  settle: (transaction: Transaction<Database>, outcome: object) => Promise<void>;
}
