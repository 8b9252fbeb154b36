import type { InFlight } from '../core/routing/in-flight.ts';
import type { Replica } from '../core/routing/routes.ts';

/** How long a replica that could not be reached comes last: about as long as the reconciler needs to see it. */
const doubtMs = 5_000;

export interface Replicas {
  /** The one with the fewest open calls, in turn among equals. Undefined where the list holds no other than `except`. */
  pick(replicas: readonly Replica[], except?: Replica): Replica | undefined;
  /** It could not be reached. Without this a dead replica, having no open calls, would always be the first choice. */
  doubt(replica: Replica): void;
}

export function createReplicas(inFlight: Pick<InFlight, 'count'>, now: () => number): Replicas {
  const doubtedUntil = new Map<string, number>();
  let turn = 0;

  const burden = ({ url }: Replica): number => {
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
        const replica = replicas[(turn + step) % replicas.length] as Replica;
        if (replica.url === except?.url) continue;
        const its = burden(replica);
        if (its >= least) continue;
        best = replica;
        least = its;
      }
      return best;
    },
    doubt({ url }) {
      // Addresses of replicas that are gone must not pile up here.
      for (const [each, until] of doubtedUntil) if (until <= now()) doubtedUntil.delete(each);
      doubtedUntil.set(url, now() + doubtMs);
    },
  };
}
