import { setImmediate as yieldToIo } from 'node:timers/promises';
import type { Clock } from '../../src/core/base/clock.ts';

interface Timer {
  due: number;
  run: () => void;
}

/** A clock that stands still until a test moves it. Its wall clock can be set apart from its monotonic clock. */
export class DrivenClock implements Clock {
  #elapsedMs = 0;
  #wallOffsetMs = Date.parse('2026-01-01T00:00:00Z');
  readonly #timers = new Set<Timer>();

  now(): Date {
    return new Date(this.#wallOffsetMs + this.#elapsedMs);
  }

  elapsedMs(): number {
    return this.#elapsedMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#add(ms, resolve);
    signal?.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    this.#timers.delete(timer);
  }

  after(ms: number, task: () => void): Disposable {
    const timer = this.#add(ms, task);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  every(ms: number, task: () => void): Disposable {
    let timer: Timer;
    const repeat = (): void => {
      timer = this.#add(ms, repeat);
      task();
    };
    timer = this.#add(ms, repeat);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  /** Moves the wall clock alone, as an administrator or a time server does. */
  moveWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Moves both clocks, and runs what becomes due on the way. */
  advance(ms: number): void {
    const end = this.#elapsedMs + ms;
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) this.#fire(next);
    this.#elapsedMs = end;
  }

  /** Jumps from timer to timer until the condition holds. Real work, such as that of child processes, goes on in between. */
  async driveUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) {
      const next = this.#next();
      if (next) this.#fire(next);
      await yieldToIo();
    }
  }

  #next(): Timer | undefined {
    return [...this.#timers].reduce<Timer | undefined>(
      (first, timer) => (first === undefined || timer.due < first.due ? timer : first),
      undefined,
    );
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.due);
    timer.run();
  }

  #add(ms: number, run: () => void): Timer {
    const timer = { due: this.#elapsedMs + ms, run };
    this.#timers.add(timer);
    return timer;
  }
}
