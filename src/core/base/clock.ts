import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * All time of the core. A test can drive it; a lint rule keeps every other clock and timer out of the core.
 * Waits and durations use the monotonic clock: a wall clock that is set back must not stop a restart.
 */
export interface Clock {
  /** Wall clock: for what is stored or shown. */
  now(): Date;
  /** Monotonic milliseconds from an arbitrary start: for durations and waits inside one process. */
  elapsedMs(): number;
  /** Resolves after `ms` milliseconds, or as soon as the signal is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs a task once after `ms` milliseconds. It keeps no process alive. */
  after(ms: number, task: () => void): Disposable;
  /** Runs a task every `ms` milliseconds. It keeps no process alive. */
  every(ms: number, task: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal }).catch(() => {});
  },
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  every(ms, task) {
    const timer = setInterval(task, ms);
    timer.unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};

/** The time as it is stored: ISO 8601 in UTC. */
export function timestamp(clock: Pick<Clock, 'now'>, laterMs = 0): string {
  return new Date(clock.now().getTime() + laterMs).toISOString();
}
