import type { CredentialStore } from '../access/credentials/credentials.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Log } from '../base/log.ts';
import type { Changes } from '../base/changes.ts';
import type { Places } from '../region/fleet.ts';
import type { Store } from '../store/store.ts';
import type { InFlight } from '../routing/in-flight.ts';
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
