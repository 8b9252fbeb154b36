import type { ObservedReplica } from '../region/region.ts';

/** `silent`: its node reports nothing any more, and it may yet answer. `gone`: it is not there. */
export type Loss = 'silent' | 'gone';

/** Whom a call was sent to. */
export interface Target {
  instance: number;
  region: string;
  url: string;
}

/** The calls that this process has open, by the replica that has them. */
export interface InFlight {
  count: (url: string) => number;
  /** Counts a call until the returned function is called. `lose` may be called more than once until then. */
  begin(target: Target, lose: (how: Loss) => void): () => void;
  /**
   * Takes all that a region sees of an instance. Nothing else ends a call to a replica that went down with its node:
   * nobody closes its connection.
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
        // Instances and addresses that are gone must not pile up here.
        if (calls.size === 0 && open.get(instance) === calls) open.delete(instance);
        const left = (counts.get(url) ?? 1) - 1;
        if (left === 0) counts.delete(url);
        else counts.set(url, left);
      };
    },
    see(instance, region, replicas) {
      const calls = open.get(instance);
      if (!calls) return;
      const heard = new Map(replicas.map(({ address, silent }) => [address, silent === true]));
      for (const call of calls) {
        if (call.region !== region) continue;
        const silent = heard.get(call.url);
        if (silent !== false) call.lose(silent === undefined ? 'gone' : 'silent');
      }
    },
  };
}
