import type { Clock } from '../base/clock.ts';
import type { Nudge } from '../base/work-key.ts';
import type { Changes } from '../base/changes.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Sources } from '../registry/sources/sources.ts';
import type { Store } from '../store/store.ts';

/** What instances work with. */
export interface InstanceDeps {
  store: Store;
  fleet: Fleet;
  sources: Sources;
  registry: Registry;
  changes: Changes;
  /** The base URL of calls to models, as callers reach it. */
  callUrl: () => string;
  nudge: Nudge;
  clock: Clock;
  now: () => Date;
}
