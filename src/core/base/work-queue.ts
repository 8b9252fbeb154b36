/** When to look at a key again: after so many milliseconds, or only when somebody nudges it. */
export type Requeue = number | 'when_nudged';

interface Entry {
  state: 'waiting' | 'running';
  again: boolean;
  timer: NodeJS.Timeout | undefined;
  failures: number;
}

const firstRetryMs = 500;
const longestRetryMs = 60_000;

/**
 * A keyed work queue, as controllers have it: a key is worked on once at a time, nudges that come meanwhile are one more
 * run, a failure is tried again with back-off. Own code: npm's queues know neither keys that coalesce nor "look again in".
 */
export class WorkQueue {
  readonly #work: (key: string) => Promise<Requeue>;
  readonly #onError: (key: string, thrown: unknown) => void;
  readonly #width: number;
  readonly #entries = new Map<string, Entry>();
  readonly #ready: string[] = [];
  #running = 0;
  #closed = false;
  #idle: (() => void) | undefined;

  constructor(width: number, work: (key: string) => Promise<Requeue>, onError: (key: string, thrown: unknown) => void) {
    this.#width = width;
    this.#work = work;
    this.#onError = onError;
  }

  nudge(key: string): void {
    if (this.#closed) return;
    const entry = this.#entries.get(key);
    if (entry?.state === 'running') {
      entry.again = true;
      return;
    }
    if (entry) {
      if (entry.timer === undefined) return;
      clearTimeout(entry.timer);
      entry.timer = undefined;
    } else {
      this.#entries.set(key, { state: 'waiting', again: false, timer: undefined, failures: 0 });
    }
    this.#ready.push(key);
    this.#pump();
  }

  /** Takes nothing more and resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#ready.length = 0;
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #pump(): void {
    while (this.#running < this.#width) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#running++;
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const entry = this.#entries.get(key) as Entry;
    entry.state = 'running';
    entry.again = false;
    const requeue = await this.#work(key).then(
      (answer) => {
        entry.failures = 0;
        return answer;
      },
      (thrown: unknown) => {
        this.#onError(key, thrown);
        return Math.min(firstRetryMs * 2 ** entry.failures++, longestRetryMs);
      },
    );
    entry.state = 'waiting';
    this.#running--;
    this.#settle(key, entry, requeue);
    if (this.#running === 0) this.#idle?.();
  }

  #settle(key: string, entry: Entry, requeue: Requeue): void {
    if (this.#closed) return;
    if (entry.again) this.#ready.push(key);
    else if (requeue === 'when_nudged') this.#entries.delete(key);
    else this.#later(key, entry, requeue);
    this.#pump();
  }

  #later(key: string, entry: Entry, afterMs: number): void {
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      this.#ready.push(key);
      this.#pump();
    }, afterMs);
    entry.timer.unref();
  }
}
