import { sumOfUsage, usageOf } from '../instances/usage.ts';
import { specsOfRunning } from '../instances/table.ts';
import type { Usage } from '../policy/facts.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Queries } from '../store/store.ts';
import { searchApprovals } from './table.ts';

/** What a person's running instances use, and what their open requests would add. `except`: a request that does not count. */
export async function usageOfPerson(db: Queries, fleet: Fleet, person: string, except?: number): Promise<Usage> {
  const running = (await specsOfRunning(db, person)).map((spec) => usageOf(spec, fleet));
  const open = await searchApprovals(db, { requester: person, states: ['pending', 'approved', 'running'] });
  const asked = open
    .filter(({ id }) => id !== except)
    .map(({ preview: { facts } }) =>
      atLeastNothing({ gpus: facts.gpus ?? 0, costPerHour: facts.costPerHour ?? 0 }, facts.costPerHour === null),
    );
  return sumOfUsage([...running, ...asked]);
}

/** A request that would give something back has not done so yet. */
function atLeastNothing({ gpus, costPerHour }: { gpus: number; costPerHour: number }, isUnknown: boolean): Usage {
  return { gpus: Math.max(0, gpus), costPerHour: isUnknown ? null : Math.max(0, costPerHour) };
}
