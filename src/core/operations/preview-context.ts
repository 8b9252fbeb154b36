import type { Caller } from '../base/caller.ts';
import type { Launches } from '../instances/instances.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Cache } from '../cache/cache.ts';

/** What a preview is made with: it reads, and changes nothing. */
export interface Previewing {
  services: { launches: Launches; registry: Registry; cache: Cache; fleet: Fleet };
  /** The requester, with the role of now. */
  caller: Caller;
  /** True where the request was accepted before and is looked at once more. */
  again: boolean;
}
