/** How long a replica that could not be reached comes last: about as long as the reconciler needs to see it. */
const doubtMs = 5_000;

/** Which replicas have how many calls open through this process. */
export interface Replicas {
  /** The one with the fewest open calls, in turn among equals. Undefined where the list holds no other than `except`. */
  pick(replicas: readonly string[], except?: string): string | undefined;
  /** Counts a call to it until the returned function is called. */
  take(replica: string): () => void;
  /** It could not be reached. Without this a dead replica, having no open calls, would always be the first choice. */
  doubt(replica: string): void;
}

export function createReplicas(now: () => number): Replicas {
  const open = new Map<string, number>();
  const doubtedUntil = new Map<string, number>();
  let turn = 0;

  const burden = (replica: string): number => {
    const calls = open.get(replica) ?? 0;
    const until = doubtedUntil.get(replica);
    if (until === undefined) return calls;
    if (until > now()) return calls + 1e9;
    doubtedUntil.delete(replica);
    return calls;
  };

  return {
    pick(replicas, except) {
      turn = (turn + 1) % 1_000_000;
      let best: string | undefined;
      let least = Infinity;
      for (let step = 0; step < replicas.length; step++) {
        const replica = replicas[(turn + step) % replicas.length] as string;
        if (replica === except) continue;
        const its = burden(replica);
        if (its >= least) continue;
        best = replica;
        least = its;
      }
      return best;
    },
    take(replica) {
      open.set(replica, (open.get(replica) ?? 0) + 1);
      return () => {
        const left = (open.get(replica) ?? 1) - 1;
        // Ports of replicas that are gone must not pile up here.
        if (left === 0) open.delete(replica);
        else open.set(replica, left);
      };
    },
    doubt: (replica) => void doubtedUntil.set(replica, now() + doubtMs),
  };
}
