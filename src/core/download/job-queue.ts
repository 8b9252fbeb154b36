import type { FileTransfer } from './file-transfer.ts';

/** A range of a file that one connection downloads: [start, end). */
export interface Job {
  file: FileTransfer;
  start: number;
  end: number;
}

/**
 * The ranges to download, in order. It ends when every file is settled, because a file with a wrong hash is queued
 * again.
 */
export class JobQueue {
  readonly #jobs: Job[] = [];
  #unsettled: number;
  #waiters: (() => void)[] = [];
  #closed = false;

  constructor(files: number) {
    this.#unsettled = files;
  }

  add(jobs: readonly Job[]): void {
    for (const job of jobs) this.#jobs.push(job);
    this.#wake();
  }

  /** Call once per file, when it will need no more jobs. */
  settled(): void {
    this.#unsettled -= 1;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Waits for the next job. Undefined if there will be no more. */
  async take(): Promise<Job | undefined> {
    for (;;) {
      if (this.#closed || this.#unsettled === 0) return undefined;
      const job = this.#jobs.shift();
      if (job) return job;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      await promise;
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
