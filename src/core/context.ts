import type { Transaction } from 'kysely';
import type { Caller } from './access/caller.ts';
import type { AuditLog } from './audit/audit.ts';
import type { Launches } from './launch/launches.ts';
import type { Places } from './regions/places.ts';
import type { Registry } from './registry/registry.ts';
import type { Database } from './store/schema.ts';
import type { Cache } from './volumes/cache.ts';

/** What handlers may use. Each is narrow and knows nothing of who calls it but the caller it is handed. */
export interface Services {
  registry: Registry;
  launches: Launches;
  cache: Cache;
  places: Places;
  audit: AuditLog;
}

/** Handed to a handler beside its input. */
export interface OperationContext {
  services: Services;
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
