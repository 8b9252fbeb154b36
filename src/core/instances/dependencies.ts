import type { Nudge } from '../base/work-key.ts';
import type { Changes } from '../base/changes.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';

/** What launching and caching work with. */
export interface LaunchDeps {
  store: Store;
  fleet: Fleet;
  registry: Registry;
  changes: Changes;
  /** The base URL that callers of models use, known once the server listens. */
  baseUrl: () => string;
  nudge: Nudge;
  now: () => Date;
}
