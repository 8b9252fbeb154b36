import { expect, test } from 'vitest';
import { checkRegularly } from '../../../src/core/access/credentials/check-credentials.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const hourMs = 3_600_000;

test('credentials are checked at the start and every hour until the end, although the wall clock is set back', async () => {
  const clock = createFakeClock();
  const { log, lines } = capturedLog();
  let checks = 0;
  const check = async (): Promise<void> => {
    checks += 1;
    if (checks === 2) throw new Error('the Hub is away');
  };
  const checking = checkRegularly({ check }, clock, log);
  expect(checks).toBe(1);
  clock.shiftWallClock(-24 * hourMs);
  await clock.advance(hourMs);
  expect(checks).toBe(2);
  expect(lines()).toMatchObject([{ msg: 'the stored credentials could not be checked' }]);
  await clock.advance(2 * hourMs);
  expect(checks).toBe(4);
  checking[Symbol.dispose]();
  await clock.advance(2 * hourMs);
  expect([checks, clock.waiting()]).toEqual([4, 0]);
});
