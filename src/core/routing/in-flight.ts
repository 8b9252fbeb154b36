import type { ObservedReplica } from '../region/region.ts';

/** `silent`: the node of the replica does not report, but the replica may still answer. `gone`: the replica does not exist. */
export type Loss = 'silent' | 'gone';

/** The replica that a call was sent to. */
export interface Target {
  instance: number;
  region: string;
  url: string;
}

/** The open calls of this process, by replica. */
export interface InFlight {
  count: (url: string) => number;
  /** Counts a call until the returned function is called. Until then, `lose` may be called more than once. */
  begin(target: Target, lose: (how: Loss) => void): () => void;
  /**
   * Takes all replicas of an instance that a region observes, and ends the calls to lost ones. If a node fails, nothing
   * else ends these calls, because their connections stay open.
   */
  see(instance: number, region: string, replicas: readonly ObservedReplica[]): void;
}

interface Open extends Target {
  lose: (how: Loss) => void;
}

export function createInFlight(): InFlight {
  const counts = new Map<string, number>();
  const open = new Map<number, Set<Open>>();
  return {
    count: (url) => counts.get(url) ?? 0,
    begin(target, lose) {
      const { instance, url } = target;
      const call = { ...target, lose };
      const calls = open.get(instance) ?? new Set();
      open.set(instance, calls.add(call));
      counts.set(url, (counts.get(url) ?? 0) + 1);
      return () => {
        calls.delete(call);
        // Otherwise instances and addresses that no longer exist would accumulate.
        if (calls.size === 0 && open.get(instance) === calls) open.delete(instance);
        const left = (counts.get(url) ?? 1) - 1;
        if (left === 0) counts.delete(url);
        else counts.set(url, left);
      };
    },
    see(instance, region, replicas) {
      const calls = open.get(instance);
      if (!calls) return;
      const silentByUrl = new Map(replicas.map(({ address, silent }) => [address, silent === true]));
      for (const call of calls) {
        if (call.region !== region) continue;
        const silent = silentByUrl.get(call.url);
        if (silent !== false) call.lose(silent === undefined ? 'gone' : 'silent');
      }
    },
  };
}
