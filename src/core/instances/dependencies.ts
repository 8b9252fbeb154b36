import type { Changes } from '../base/changes.ts';
import type { Places } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';

/** What launching and caching work with. */
export interface LaunchParts {
  store: Store;
  places: Places;
  registry: Registry;
  changes: Changes;
  /** The base URL that callers of models use, known once the server listens. */
  baseUrl: () => string;
  /** Tells the reconciler that a key is worth a look. Nothing depends on it: everything is looked at again in time. */
  nudge: (key: { instance: number; region: string } | { volume: string }) => void;
  now: () => Date;
}
