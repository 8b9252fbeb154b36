import { fail } from '../base/errors.ts';
import type { Fleet } from '../region/fleet.ts';
import type { LaunchInput } from './launch-input.ts';

export interface AcceleratorChoice {
  accelerator: string | undefined;
  /** Of each replica. */
  count: number;
  /** Of all of them, where the config says so. */
  memoryBytes: number | undefined;
}

/** What is asked of a region's accelerators. Throws where it has none such, or not so many, or no node with so many. */
export function chooseAccelerator(
  input: LaunchInput,
  region: string,
  fleet: Fleet,
  mostOnOneNode: number | undefined,
): AcceleratorChoice {
  const { accelerator } = input;
  if (accelerator === undefined) {
    if (input.accelerator_count === undefined) return { accelerator, count: 0, memoryBytes: undefined };
    throw fail('accelerator_missing', 'A number of accelerators was given, but not which kind.', {
      nextStep: 'Name the accelerator too.',
      field: 'accelerator',
    });
  }
  const known = fleet.configOf(region).accelerators;
  const found = known.find((each) => each.name === accelerator);
  if (!found) {
    throw fail('accelerator_not_found', `The region ${region} has no accelerator "${accelerator}".`, {
      nextStep:
        known.length > 0 ? 'Name one that the region has.' : 'Leave it out: the region lists none in ecolink.yaml.',
      field: 'accelerator',
      validValues: known.map((each) => each.name),
    });
  }
  const count = input.accelerator_count ?? 1;
  const replicas = input.replicas ?? 1;
  if (found.total !== undefined && count * replicas > found.total) {
    throw tooMany(`${replicas} × ${count} ${accelerator} were asked for; the region ${region} has ${found.total}.`);
  }
  const most = found.per_node ?? mostOnOneNode;
  if (most !== undefined && count > most) {
    throw tooMany(
      `A replica runs on one node, and no node of ${region} has ${count} × ${accelerator}: at most ${most}.`,
    );
  }
  const memory = memoryOf(fleet, region, accelerator);
  return { accelerator, count, memoryBytes: memory === undefined ? undefined : memory * count };
}

/** Whether a region has what is asked, as far as the config says. */
export function offers(input: LaunchInput, region: string, fleet: Fleet): boolean {
  const { accelerator, accelerator_count: count = 1, replicas = 1 } = input;
  if (accelerator === undefined) return true;
  const found = fleet.configOf(region).accelerators.find(({ name }) => name === accelerator);
  return found !== undefined && count * replicas <= (found.total ?? Infinity) && count <= (found.per_node ?? Infinity);
}

/** Bytes of one, where the config says so. */
export function memoryOf(fleet: Fleet, region: string, accelerator: string | undefined): number | undefined {
  const { memory_gib: gib } = fleet.configOf(region).accelerators.find(({ name }) => name === accelerator) ?? {};
  return gib === undefined ? undefined : gib * 1024 ** 3;
}

function tooMany(what: string): Error {
  return fail('not_enough_accelerators', what, {
    nextStep: 'Ask for fewer replicas or accelerators, or another region.',
    field: 'accelerator_count',
  });
}
