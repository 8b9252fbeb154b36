import { addCost } from '../policy/facts.ts';
import type { Usage } from '../policy/facts.ts';
import type { Fleet } from '../region/fleet.ts';
import type { InstanceSpec } from './instance.ts';

/** The accelerators and the cost of an instance while it runs. The cost is null if a price is unknown. */
export function usageOf(spec: InstanceSpec, fleet: Fleet): Usage {
  const gpus = (spec.acceleratorCount ?? 0) * spec.replicas * spec.regions.length;
  const price = fleet.pricePerHour(spec.accelerator);
  return { gpus, costPerHour: price === null ? null : price * gpus };
}

export function sumOfUsage(all: readonly Usage[]): Usage {
  return all.reduce(
    (sum, { gpus, costPerHour }) => ({
      gpus: sum.gpus + gpus,
      costPerHour: addCost(sum.costPerHour, costPerHour),
    }),
    { gpus: 0, costPerHour: 0 },
  );
}
