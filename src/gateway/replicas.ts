import type { InFlight, Replica } from '../core/core.ts';

/** How long an unreachable replica comes last. The reconciler needs about as long to notice it. */
const doubtMs = 5_000;

export interface Replicas {
  /** The replica with the fewest open calls, in turn among equals. Undefined if there is none but `except`. */
  pick(replicas: readonly Replica[], except?: Replica): Replica | undefined;
  /** Call this if a replica could not be reached. A dead replica has no open calls, so it would always be picked first. */
  doubt(replica: Replica): void;
}

export function createReplicas(inFlight: Pick<InFlight, 'count'>, now: () => number): Replicas {
  const doubtedUntil = new Map<string, number>();
  let turn = 0;

  const loadOf = ({ url }: Replica): number => {
    const calls = inFlight.count(url);
    const until = doubtedUntil.get(url);
    if (until === undefined) return calls;
    if (until > now()) return calls + 1e9;
    doubtedUntil.delete(url);
    return calls;
  };

  return {
    pick(replicas, except) {
      turn = (turn + 1) % 1_000_000;
      let best: Replica | undefined;
      let least = Infinity;
      for (let step = 0; step < replicas.length; step++) {
        const replica = replicas[(turn + step) % replicas.length];
        if (replica === undefined || replica.url === except?.url) continue;
        const load = loadOf(replica);
        if (load >= least) continue;
        best = replica;
        least = load;
      }
      return best;
    },
    doubt({ url }) {
      // Forgets replicas that are gone.
      for (const [each, until] of doubtedUntil) if (until <= now()) doubtedUntil.delete(each);
      doubtedUntil.set(url, now() + doubtMs);
    },
  };
}
