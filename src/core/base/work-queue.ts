import type { Clock } from './clock.ts';

/** When to work on a key again: after so many milliseconds, or only when somebody nudges it. */
export type Requeue = number | 'when_nudged';

export interface WorkQueueOptions {
  clock: Pick<Clock, 'after'>;
  /** How many keys are worked on at once. */
  width: number;
  work(key: string): Promise<Requeue>;
  /** Told of work that threw. The queue tries again by itself. */
  onError(key: string, thrown: unknown): void;
}

interface Entry {
  readonly key: string;
  state: 'waiting' | 'running';
  again: boolean;
  timer: Disposable | undefined;
  failures: number;
}

const firstRetryMs = 500;
const longestRetryMs = 60_000;

/**
 * A keyed work queue, as controllers have it. A key is worked on once at a time. Nudges during that work become one
 * more run. Work that throws is tried again with back-off. Own code: the queues on npm know neither keys that coalesce
 * nor "again in".
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready: Entry[] = [];
  #running = 0;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  nudge(key: string): void {
    if (this.#closed) return;
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const added: Entry = { key, state: 'waiting', again: false, timer: undefined, failures: 0 };
      this.#entries.set(key, added);
      this.#start(added);
    } else if (entry.state === 'running') {
      entry.again = true;
    } else if (entry.timer !== undefined) {
      entry.timer[Symbol.dispose]();
      entry.timer = undefined;
      this.#start(entry);
    }
  }

  /** Takes nothing more and resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.timer?.[Symbol.dispose]();
    this.#ready.length = 0;
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #start(entry: Entry): void {
    this.#ready.push(entry);
    this.#pump();
  }

  #pump(): void {
    while (this.#running < this.#options.width) {
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      this.#running++;
      void this.#run(entry);
    }
  }

  async #run(entry: Entry): Promise<void> {
    entry.state = 'running';
    entry.again = false;
    const requeue = await this.#work(entry);
    entry.state = 'waiting';
    this.#running--;
    this.#settle(entry, requeue);
    if (this.#running === 0) this.#idle?.();
  }

  async #work(entry: Entry): Promise<Requeue> {
    try {
      const requeue = await this.#options.work(entry.key);
      entry.failures = 0;
      return requeue;
    } catch (thrown) {
      this.#options.onError(entry.key, thrown);
      return Math.min(firstRetryMs * 2 ** entry.failures++, longestRetryMs);
    }
  }

  #settle(entry: Entry, requeue: Requeue): void {
    if (this.#closed) return;
    if (entry.again) this.#ready.push(entry);
    else if (requeue === 'when_nudged') this.#entries.delete(entry.key);
    else this.#startLater(entry, requeue);
    this.#pump();
  }

  #startLater(entry: Entry, afterMs: number): void {
    entry.timer = this.#options.clock.after(afterMs, () => {
      entry.timer = undefined;
      this.#start(entry);
    });
  }
}
