import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Nudge } from '../base/work-key.ts';
import type { CredentialStore } from '../access/credentials/credentials.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Log } from '../base/log.ts';
import type { Changes } from '../base/changes.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Sources } from '../registry/sources/sources.ts';
import type { Lease } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import type { InFlight } from '../routing/in-flight.ts';
import type { EvictionPolicy } from '../volumes/plan-eviction.ts';

export interface ReconcilerDeps {
  store: Store;
  /** Nothing begins while it is not held. */
  lease: Lease;
  fleet: Fleet;
  sources: Sources;
  credentials: CredentialStore;
  changes: Changes;
  inFlight: InFlight;
  audit: AuditLog;
  /** When unused volumes are evicted. */
  policy: EvictionPolicy;
  log: Log;
  clock: Clock;
  now: () => Date;
  newId: NewId;
  nudge: Nudge;
}
