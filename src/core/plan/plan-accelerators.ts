import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import type { Fleet } from '../region/fleet.ts';
import type { LaunchInput } from './launch-input.ts';

export interface AcceleratorChoice {
  accelerator: string | undefined;
  /** For each replica. */
  count: number;
  /** Of all accelerators of a replica. Undefined if the configuration does not say it. */
  memoryBytes: number | undefined;
}

/** The accelerators of each replica. Throws if the region, or each of its nodes, has too few or none of them. */
export function chooseAccelerator(
  input: LaunchInput,
  region: string,
  fleet: Fleet,
  mostOnOneNode: number | undefined,
): AcceleratorChoice {
  const { accelerator } = input;
  if (accelerator === undefined) {
    if (input.accelerator_count === undefined) return { accelerator, count: 0, memoryBytes: undefined };
    throw fail('accelerator_missing', 'A number of accelerators was given, but no accelerator.', {
      nextStep: say`Give ${fieldRef('accelerator')} too.`,
      field: 'accelerator',
    });
  }
  const known = fleet.configOf(region).accelerators;
  const found = known.find((each) => each.name === accelerator);
  if (!found) {
    throw fail('accelerator_not_found', `The region ${region} has no accelerator "${accelerator}".`, {
      nextStep:
        known.length > 0
          ? 'Name one of the accelerators of the region.'
          : say`Leave out ${fieldRef('accelerator')}: the configuration lists none for this region.`,
      field: 'accelerator',
      validValues: known.map((each) => each.name),
    });
  }
  const count = input.accelerator_count ?? 1;
  const replicas = input.replicas ?? 1;
  if (found.total !== undefined && count * replicas > found.total) {
    throw tooMany(`${replicas} × ${count} ${accelerator} were requested. The region ${region} has ${found.total}.`);
  }
  const most = found.per_node ?? mostOnOneNode;
  if (most !== undefined && count > most) {
    throw tooMany(
      `A replica runs on one node, and the nodes of ${region} have at most ${most} × ${accelerator}, not ${count}.`,
    );
  }
  const memory = memoryOf(fleet, region, accelerator);
  return { accelerator, count, memoryBytes: memory === undefined ? undefined : memory * count };
}

/** Whether a region has the requested accelerators, as far as the configuration says. */
export function offers(input: LaunchInput, region: string, fleet: Fleet): boolean {
  const { accelerator, accelerator_count: count = 1, replicas = 1 } = input;
  if (accelerator === undefined) return true;
  const found = fleet.configOf(region).accelerators.find(({ name }) => name === accelerator);
  return found !== undefined && count * replicas <= (found.total ?? Infinity) && count <= (found.per_node ?? Infinity);
}

/** Bytes of one accelerator. Undefined if the configuration does not say it. */
export function memoryOf(fleet: Fleet, region: string, accelerator: string | undefined): number | undefined {
  const { memory_gib: gib } = fleet.configOf(region).accelerators.find(({ name }) => name === accelerator) ?? {};
  return gib === undefined ? undefined : gib * 1024 ** 3;
}

function tooMany(message: string): Error {
  return fail('not_enough_accelerators', message, {
    nextStep: 'Request fewer replicas or accelerators, or another region.',
    field: 'accelerator_count',
  });
}
