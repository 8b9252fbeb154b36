import { describe, expect, test } from 'vitest';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { attempt, dice, expectAsInSequence, limits, limitsConfig } from '../../support/limits.ts';
import type { Run } from '../../support/limits.ts';
import { tiny } from '../../support/model-folder.ts';
import { toyConfig, toyKind } from '../../support/toy-region.ts';

/** Holds calls back until all of them have come, so that each asks the policy before the first one commits. */
function createGate() {
  let missing = 0;
  let opened = Promise.withResolvers<void>();
  return {
    /** Holds the next so many calls back. */
    close(calls: number): void {
      missing = calls;
      opened = Promise.withResolvers();
    },
    async pass(): Promise<void> {
      if (missing === 0) return;
      missing -= 1;
      if (missing === 0) opened.resolve();
      await opened.promise;
    },
  };
}

interface LimitsPlace extends TestCore {
  asMax: Run;
  asAda: Run;
  /** Holds calls back while they list the folder of their model. */
  gate: ReturnType<typeof createGate>;
}

async function withLimits(config = limitsConfig): Promise<LimitsPlace> {
  const gate = createGate();
  const place = await startCore({
    config: config.replace(/^regions:.*$/m, toyConfig),
    reconcile: false,
    regionKinds: [toyKind({ listFolder: () => gate.pass() })],
  });
  const max = { ...(await inSlack(place.core, 'MAX')), source: 'http' as const };
  const ada = { ...(await inSlack(place.core, 'ADA')), source: 'http' as const };
  const asMax: Run = (operation, input) => place.core.execute(operation, input, max);
  await asMax('register_model', tiny);
  return { ...place, gate, asMax, asAda: (operation, input) => place.core.execute(operation, input, ada) };
}

const launch = (gpus: number): object => ({ model: 'tiny', accelerator: 'h100', accelerator_count: gpus });

describe('limits under parallel calls', () => {
  test('ten launches of cost 2 below a limit of 5: two run and eight wait, as one after the other', async () => {
    const five = limitsConfig
      .replace(`cost_per_hour: ${limits.cost}`, 'cost_per_hour: 5')
      .replace('open_requests: 4', 'open_requests: 20')
      .replace(`gpus: ${limits.gpus}`, 'gpus: 100');
    await using place = await withLimits(five);
    place.gate.close(10);
    const calls = Array.from({ length: 10 }, () => attempt(place.asMax, 'launch_instance', launch(1), 1));
    const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome);
    // The same request is joined: eight calls wait for one request.
    expect(outcomes.filter((outcome) => outcome === 'ran')).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === 'waits')).toHaveLength(8);
  });

  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'never pass a limit together, and are held back as in sequence (seed %i)',
    async (seed) => {
      const roll = dice(seed);
      await using place = await withLimits();
      const first = 1 + roll(2);
      await place.asMax('launch_instance', launch(first));
      const launches = 3 + roll(8);
      // The scale plans too. The extension does not.
      place.gate.close(launches + 1);
      const calls = Array.from({ length: launches }, (_, index) => {
        const gpus = 1 + roll(3);
        // Reasons differ, so that no request joins another.
        return attempt(place.asMax, 'launch_instance', { ...launch(gpus), reason: `call ${index}` }, gpus);
      });
      const scaled = attempt(place.asMax, 'scale_instance', { instance: '1', replicas: 2 }, first);
      const extended = attempt(place.asMax, 'extend_instance', { instance: '1', stop_after: '8h' }, 0);
      const attempts = await Promise.all([...calls, scaled, extended]);
      expect(attempts).toHaveLength(calls.length + 2);
      expectAsInSequence(attempts, first);
    },
  );

  test('hold for what was approved too: a rule that denies by now wins over the approval', async () => {
    await using place = await withLimits();
    await place.asMax('launch_instance', launch(6));
    place.gate.close(2);
    const waits = await Promise.all(
      [1, 2].map((gpus) => place.asMax('launch_instance', { ...launch(gpus), reason: `number ${gpus}` })),
    );
    expect(waits.map(({ state }) => state)).toEqual(['awaiting_approval', 'awaiting_approval']);
    await expect(place.asMax('launch_instance', { ...launch(4), reason: 'more' })).rejects.toMatchObject({
      code: 'policy_denied',
    });
    expect(await place.asAda('approve_request', { approval: '1' })).toMatchObject({ state: 'approved' });
  });
});
