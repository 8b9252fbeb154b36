import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/core/base/clock.ts';

/** A clock that stands still until the test moves it. */
export interface FakeClock extends Clock {
  /**
   * Moves both clocks on. Timers and sleeps that come due run in the order of their times, those of one time in the
   * order they were made. Between two of them other promises get their turn, so a loop that sleeps goes round as often
   * as it would in real time.
   */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, back with a negative number: somebody sets the time of the machine. */
  shiftWallClock(ms: number): void;
  /** How many timers and sleeps wait. */
  waiting(): number;
}

interface Timer {
  due: number;
  task: () => void;
}

export function createFakeClock(start: string | Date = '2026-11-01T10:00:00.000Z'): FakeClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let wall = new Date(start).getTime();

  const add = (ms: number, task: () => void): Timer => {
    // As in Node, where a timer of 0 ms waits for 1 ms: a loop that sleeps for 0 ms ends here too.
    const timer = { due: elapsed + Math.max(1, ms), task };
    timers.add(timer);
    return timer;
  };
  const moveTo = (time: number): void => {
    wall += time - elapsed;
    elapsed = time;
  };
  /** The earliest of those that are due by a time. A set keeps the order in which timers were made. */
  const nextBy = (time: number): Timer | undefined =>
    [...timers].filter(({ due }) => due <= time).toSorted((a, b) => a.due - b.due)[0];

  const after: Clock['after'] = (ms, task) => {
    const timer = add(ms, task);
    return { [Symbol.dispose]: () => void timers.delete(timer) };
  };
  return {
    now: () => new Date(wall),
    elapsedMs: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const end = (): void => {
          timers.delete(timer);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const timer = add(ms, end);
        signal?.addEventListener('abort', end);
      }),
    after,
    every(ms, task) {
      let next: Disposable;
      const again = (): void => {
        next = after(ms, again);
        task();
      };
      next = after(ms, again);
      return { [Symbol.dispose]: () => next[Symbol.dispose]() };
    },
    async advance(ms) {
      const end = elapsed + ms;
      await turn();
      for (let timer = nextBy(end); timer; timer = nextBy(end)) {
        moveTo(timer.due);
        timers.delete(timer);
        timer.task();
        await turn();
      }
      moveTo(end);
    },
    shiftWallClock(ms) {
      wall += ms;
    },
    waiting: () => timers.size,
  };
}
