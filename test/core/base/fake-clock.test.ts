import { expect, test } from 'vitest';
import { createFakeClock } from '../../support/fake-clock.ts';

test('what is due runs in the order of its times, and sees its own time', async () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name} ${clock.elapsedMs()}`);
  clock.after(30, note('late'));
  clock.after(10, note('early'));
  clock.after(10, note('second'));
  clock.after(20, note('cancelled'))[Symbol.dispose]();
  await clock.advance(20);
  expect(seen).toEqual(['early 10', 'second 10']);
  await clock.advance(10);
  expect(seen).toEqual(['early 10', 'second 10', 'late 30']);
});

test('a loop that sleeps goes round as often as it would in real time', async () => {
  const clock = createFakeClock();
  const ends = new AbortController();
  let rounds = 0;
  const loop = async (): Promise<void> => {
    while (!ends.signal.aborted) {
      await clock.sleep(100, ends.signal);
      rounds += 1;
    }
  };
  const running = loop();
  await clock.advance(1000);
  expect(rounds).toBe(10);
  ends.abort();
  await running;
  expect(rounds).toBe(11);
  expect(clock.waiting()).toBe(0);
});

test('a task that repeats does so until it is ended, by itself too', async () => {
  const clock = createFakeClock();
  const times: number[] = [];
  const repeated = clock.every(50, () => {
    times.push(clock.elapsedMs());
    if (times.length === 3) repeated[Symbol.dispose]();
  });
  await clock.advance(1000);
  expect(times).toEqual([50, 100, 150]);
});

test('the wall clock is set without moving the monotonic one', async () => {
  const clock = createFakeClock('2026-11-01T10:00:00.000Z');
  await clock.advance(1000);
  clock.shiftWallClock(-86_400_000);
  expect(clock.now().toISOString()).toBe('2026-10-31T10:00:01.000Z');
  expect(clock.elapsedMs()).toBe(1000);
  await clock.advance(1000);
  expect(clock.now().toISOString()).toBe('2026-10-31T10:00:02.000Z');
});

test('a sleep whose signal is aborted already takes no time', async () => {
  const clock = createFakeClock();
  await clock.sleep(1000, AbortSignal.abort());
  expect(clock.elapsedMs()).toBe(0);
});
