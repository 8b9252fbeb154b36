import type { Fleet } from '../region/fleet.ts';
import type { Region } from '../region/region.ts';
import type { Lease } from '../store/lease.ts';
import type { Store } from '../store/store.ts';

/*
 * A server may lose its lease in the middle of its work. What it had begun then changes nothing more: no transaction
 * commits, and no region is asked to change anything.
 */

/** A store whose transactions fail if another server has taken the lease. */
export function fenceStore(store: Store, lease: Lease): Store {
  return {
    ...store,
    transaction: (work) =>
      store.transaction(async (transaction) => {
        const result = await work(transaction);
        await lease.confirm(transaction);
        return result;
      }),
  };
}

const changing = new Set<PropertyKey>([
  'startDownload',
  'stopDownload',
  'deleteVolume',
  'applyWorkload',
  'removeWorkload',
  'eraseWorkload',
] satisfies (keyof Region)[]);

/** A fleet whose regions refuse changes while the lease is not held. */
export function fenceFleet(fleet: Fleet, lease: Lease): Fleet {
  const fenced = new Map(fleet.regions().map((region) => [region.name, fenceRegion(region, lease)]));
  return {
    ...fleet,
    regions: () => [...fenced.values()],
    region: (name) => fenced.get(name) ?? fleet.region(name),
  };
}

function fenceRegion(region: Region, lease: Lease): Region {
  return new Proxy(region, {
    get(target, name) {
      if (changing.has(name) && !lease.isHeld())
        throw new Error('This server lost its lease of the database, so it changes nothing.');
      const value: unknown = Reflect.get(target, name);
      // Methods of a class need their own object: a proxy has no private fields.
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
