import { sumOfUsage, usageOf } from '../instances/usage.ts';
import { specsOfRunning } from '../instances/table.ts';
import type { Usage } from '../policy/facts.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Queries } from '../store/store.ts';
import { searchApprovals } from './table.ts';

/** What a person's running instances use, and what their open requests would add. The request `except` does not count. */
export async function usageOfPerson(db: Queries, fleet: Fleet, person: string, except?: number): Promise<Usage> {
  const running = (await specsOfRunning(db, person)).map((spec) => usageOf(spec, fleet));
  const open = await searchApprovals(db, { requester: person, states: ['pending', 'approved', 'running'] });
  const requested = open.flatMap((request) => {
    // A request that cannot be read never runs, so it adds nothing.
    if (request.id === except || 'unreadable' in request) return [];
    const { gpus, costPerHour } = request.preview.facts;
    return atLeastNothing({ gpus: gpus ?? 0, costPerHour: costPerHour ?? 0 }, costPerHour === null);
  });
  return sumOfUsage([...running, ...requested]);
}

/** A request that would free something has not freed it yet. */
function atLeastNothing({ gpus, costPerHour }: { gpus: number; costPerHour: number }, isUnknown: boolean): Usage {
  return { gpus: Math.max(0, gpus), costPerHour: isUnknown ? null : Math.max(0, costPerHour) };
}
