import type { CredentialStore } from '../access/credentials.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Log } from '../log.ts';
import type { Changes } from '../notify/changes.ts';
import type { Places } from '../regions/places.ts';
import type { Store } from '../store/store.ts';
import type { InFlight } from './in-flight.ts';
import type { EvictionPolicy } from '../volumes/plan-eviction.ts';

/** What is looked at together: one instance in one region, or one volume. */
export type Key = { instance: number; region: string } | { volume: string };

export interface ReconcilerParts {
  store: Store;
  places: Places;
  credentials: CredentialStore;
  changes: Changes;
  inFlight: InFlight;
  hubEndpoint: string;
  audit: AuditLog;
  /** What unused weights are evicted by themselves. */
  policy: EvictionPolicy;
  log: Log;
  now: () => Date;
  nudge: (key: Key) => void;
}
