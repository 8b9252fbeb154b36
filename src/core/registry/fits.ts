import type { Category, WeightFormat } from '../base/categories.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Architecture } from './model.ts';
import { contextEstimate, memoryEstimate, shortestUsefulContext } from './sizing.ts';
import { tensorParallelSizes } from './sizing/tensor-parallel.ts';

/** What decides whether a model fits. */
export interface FittingModel {
  bytes: number;
  architecture: Architecture;
  category: Category;
  format: WeightFormat;
  task?: string | undefined;
}

/** The fewest accelerators of one kind that hold the model in a region. */
export interface Fit {
  region: string;
  runtime: string;
  accelerator: string;
  /** For each replica. */
  count: number;
  /** The longest context of one sequence that fits. */
  context_length: number;
  /** Accelerators that are free now. Null if the region cannot count them. */
  free: number | null;
  /** For one replica. Null if unknown. */
  cost_per_hour: number | null;
}

/** More accelerators than any node has. */
export const mostRanks = 64;

const mostFits = 50;

/**
 * Which accelerators of the regions hold the model, cheapest first. Leaves out those whose memory the configuration does
 * not say. Empty too if the memory of the model is unknown. `contextLength`: what
 * must fit; a useful context unless given.
 */
export async function fitsOf(
  model: FittingModel,
  regions: readonly string[],
  fleet: Fleet,
  contextLength?: number,
): Promise<Fit[]> {
  if (memoryEstimate(model.bytes, model.architecture) === undefined) return [];
  const found = await Promise.all(regions.map((region) => fitsIn(model, region, fleet, contextLength)));
  return found
    .flat()
    .toSorted((a, b) => (a.cost_per_hour ?? Infinity) - (b.cost_per_hour ?? Infinity) || a.count - b.count)
    .slice(0, mostFits);
}

async function fitsIn(
  model: FittingModel,
  region: string,
  fleet: Fleet,
  contextLength: number | undefined,
): Promise<Fit[]> {
  const runtime = fleet.runtimesFor(region, model.category, model.format, model.task)[0];
  const known = fleet.configOf(region).accelerators.filter(({ memory_gib }) => memory_gib !== undefined);
  if (runtime === undefined || known.length === 0) return [];
  const { accelerators = [] } = await fleet.region(region).status();
  return known.flatMap(({ name, memory_gib: gib = 0, per_node: perNode, total }) => {
    const most = Math.min(perNode ?? total ?? mostOnNode, runtime.maximum_accelerators ?? mostRanks);
    const fit = fewest(model, runtime, { memory: gib * 1024 ** 3, most, contextLength });
    if (fit === undefined) return [];
    const price = fleet.pricePerHour(name);
    const free = accelerators.find((each) => each.name === name)?.free ?? null;
    const cost = price === null ? null : price * fit.count;
    return [{ region, runtime: runtime.name, accelerator: name, ...fit, free, cost_per_hour: cost }];
  });
}

/** The usual number of accelerators in one node. Counts if the configuration gives neither `per_node` nor `total`. */
const mostOnNode = 8;

function fewest(
  { bytes, architecture }: FittingModel,
  runtime: Runtime,
  { memory, most, contextLength }: { memory: number; most: number; contextLength: number | undefined },
): { count: number; context_length: number } | undefined {
  const splits = runtime.parallel_argument !== undefined;
  const sizes = splits
    ? tensorParallelSizes(architecture, most)
    : Array.from({ length: most }, (_, index) => index + 1);
  for (const count of sizes) {
    const ranks = splits ? count : 1;
    const context = contextEstimate(bytes, architecture, memory * count, { ranks, memory: runtime.memory });
    if (context !== undefined && context >= (contextLength ?? shortestUsefulContext(architecture)))
      return { count, context_length: context };
  }
  return undefined;
}
