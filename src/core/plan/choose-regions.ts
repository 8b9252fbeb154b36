import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import type { Fleet } from '../region/fleet.ts';
import type { MountedFolder } from '../registry/sources/source.ts';
import type { Delivery } from '../registry/sources/sources.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { LaunchInput } from './launch-input.ts';
import { offers } from './plan-accelerators.ts';
import { allowsImage, noRuntime, pickRuntime } from './plan-runtime.ts';

/** The regions that the launch names, or else those that EcoLink chooses from. */
export type RegionChoice = { named: string[] } | { candidates: string[] };

/** Throws if the model is bound to another region, or if no region can serve it. */
export function regionChoice(model: OwnedModel, input: LaunchInput, fleet: Fleet, delivery: Delivery): RegionChoice {
  const named = input.regions === undefined ? undefined : [...new Set(input.regions)];
  for (const name of named ?? []) fleet.region(name);
  if (delivery.kind === 'mounted') return { named: onlyRegion(model, delivery, named) };
  if (named) return { named };
  const able = fleet.regions().flatMap(({ name }) => {
    const runtime = pickRuntime(fleet, name, model, input);
    return runtime ? [{ name, suitable: allowsImage(fleet, name, runtime, input) && offers(input, name, fleet) }] : [];
  });
  if (able.length === 0) throw noRuntime(fleet, fleet.regions()[0]?.name ?? '', model, input.runtime);
  const suitable = able.filter((each) => each.suitable);
  // If none is suitable, planning throws the reason.
  return { candidates: (suitable.length > 0 ? suitable : able).map(({ name }) => name) };
}

function onlyRegion(model: OwnedModel, { region, filesystem }: MountedFolder, named: string[] | undefined): string[] {
  if (named === undefined || (named.length === 1 && named[0] === region)) return [region];
  throw fail(
    'region_locked',
    `"${model.name}" is on the filesystem ${filesystem} in the region ${region}, so it can run only there.`,
    {
      nextStep: say`Leave out ${fieldRef('regions')}, or name only ${region}.`,
      field: 'regions',
      validValues: [region],
    },
  );
}

/** What speaks for a region, or against it, when a launch names none. */
export interface RegionStanding {
  region: string;
  reachable: boolean;
  /** Enough free accelerators for all replicas. Undefined if the region cannot count them. */
  acceleratorsFree: boolean | undefined;
  /** Enough space for what is still to fetch. Undefined if unknown. */
  spaceFree: boolean | undefined;
  bytesToFetch: number;
  /** Null if unknown. */
  costPerHour: number | null;
}

const certainty = (value: boolean | undefined): number => (value === undefined ? 1 : value ? 0 : 2);

/**
 * The best regions first. A region where the launch can start now comes before one where it must wait. Among those, the
 * one with the fewest bytes to fetch comes first, then the cheapest, then the one that the configuration names first.
 */
export function rankRegions(standings: readonly RegionStanding[]): string[] {
  const keys = (each: RegionStanding): number[] => [
    each.reachable ? 0 : 1,
    certainty(each.acceleratorsFree),
    certainty(each.spaceFree),
    each.bytesToFetch,
    each.costPerHour ?? Infinity,
  ];
  return standings.toSorted((a, b) => compare(keys(a), keys(b))).map(({ region }) => region);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) < (b[index] ?? 0) ? -1 : 1;
}
