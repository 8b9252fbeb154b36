import type { ObservedReplica } from '../regions/region.ts';

/** `silent`: its node reports nothing any more, and it may yet answer. `gone`: it is not there. */
export type Loss = 'silent' | 'gone';

/** Whom a call was sent to. */
export interface Target {
  instance: number;
  region: string;
  url: string;
}

/** The calls that this process has open, by the replica that has them: what the gateway sends, and a drain waits for. */
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
  const open = new Map<string, Set<Open>>();
  return {
    count: (url) => open.get(url)?.size ?? 0,
    begin(target, lose) {
      const call = { ...target, lose };
      const calls = open.get(target.url) ?? new Set();
      open.set(target.url, calls.add(call));
      return () => {
        calls.delete(call);
        // Addresses of replicas that are gone must not pile up here.
        if (calls.size === 0 && open.get(target.url) === calls) open.delete(target.url);
      };
    },
    see(instance, region, replicas) {
      const heard = new Map(replicas.map(({ address, silent }) => [address, silent === true]));
      for (const call of [...open.values()].flatMap((calls) => [...calls])) {
        if (call.instance !== instance || call.region !== region) continue;
        const silent = heard.get(call.url);
        if (silent !== false) call.lose(silent === undefined ? 'gone' : 'silent');
      }
    },
  };
}
