import type { InstanceSpec } from '../instances/instance.ts';
import { addCost } from '../policy/facts.ts';
import type { Usage } from '../policy/facts.ts';
import type { Fleet } from '../region/fleet.ts';
import { searchApprovals, specsHeldBy } from './table.ts';
import type { Store } from '../store/store.ts';

/** What an instance takes while it runs. */
export function takenBy(spec: InstanceSpec, fleet: Fleet): Usage {
  const gpus = (spec.acceleratorCount ?? 0) * spec.replicas * spec.regions.length;
  const price = fleet.pricePerHour(spec.accelerator);
  return { gpus, costPerHour: price === null ? null : price * gpus };
}

/** What a person's instances take, and what their open requests would, but for one of those. */
export async function holdingsOf(
  { store, fleet }: { store: Store; fleet: Fleet },
  person: string,
  except: number | undefined,
): Promise<Usage> {
  const held: Usage = { gpus: 0, costPerHour: 0 };
  for (const spec of await specsHeldBy(store.db, person)) {
    const taken = takenBy(spec, fleet);
    held.gpus += taken.gpus;
    held.costPerHour = addCost(held.costPerHour, taken.costPerHour);
  }
  const open = await searchApprovals(store.db, { requester: person, states: ['pending', 'approved', 'running'] });
  for (const { id, preview } of open) {
    if (id === except) continue;
    const { gpus = 0, costPerHour = 0 } = preview.facts;
    // What would give something back has not done so yet.
    held.gpus += Math.max(0, gpus);
    held.costPerHour = addCost(held.costPerHour, costPerHour === null ? null : Math.max(0, costPerHour));
  }
  return held;
}
