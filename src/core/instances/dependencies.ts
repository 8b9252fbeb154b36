import type { Clock } from '../base/clock.ts';
import type { Nudge } from '../base/work-key.ts';
import type { Changes } from '../base/changes.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Sources } from '../registry/sources/sources.ts';
import type { Store } from '../store/store.ts';

export interface InstanceDeps {
  store: Store;
  fleet: Fleet;
  sources: Sources;
  registry: Registry;
  changes: Changes;
  /** Base URL of calls to models, as seen by callers. */
  callUrl: () => string;
  nudge: Nudge;
  clock: Clock;
  now: () => Date;
}
