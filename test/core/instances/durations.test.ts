import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startMachine, weights } from './support/machine.ts';
import type { Machine } from './support/machine.ts';

const planned = z.object({
  regions: z.array(
    z.object({ estimated_seconds: z.number(), estimated_seconds_p90: z.number(), estimate_basis: z.string() }),
  ),
});

async function estimateOf(machine: Machine, model: string) {
  return planned.parse(await machine.run('plan_launch', { model, runtime: 'engine' })).regions[0];
}

test('plans tell the time by what downloads and starts took here', async () => {
  const machine = await startMachine();
  onTestFinished(() => machine[Symbol.asyncDispose]());
  for (const seed of [1, 2, 3, 4]) {
    machine.hub.addRepo(`acme/m${seed}`, weights(undefined, seed));
    await machine.register(`m${seed}`, `acme/m${seed}`);
  }
  expect(await estimateOf(machine, 'm4')).toMatchObject({ estimate_basis: 'assumed' });
  for (const model of ['m1', 'm2', 'm3']) await machine.reach(await machine.launch(model), 'running');
  const fresh = await estimateOf(machine, 'm4');
  expect(fresh).toMatchObject({ estimate_basis: 'history' });
  expect(fresh?.estimated_seconds_p90).toBeGreaterThanOrEqual(fresh?.estimated_seconds ?? Infinity);
  expect(await estimateOf(machine, 'm1')).toMatchObject({ estimate_basis: 'history' });
});
