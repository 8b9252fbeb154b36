import type { PullEvent } from './manifest.ts';

/** Time constant of the average rate: long enough for a steady number, short enough to follow the network. */
const smoothingSeconds = 5;

/** Counts bytes and emits a progress event once per second. */
export class Progress {
  readonly #total: number;
  readonly #emit: (event: PullEvent) => void;
  #done = 0;
  #fetched = 0;
  #rate: number | undefined;
  #sampled = { at: performance.now(), fetched: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(total: number, emit: (event: PullEvent) => void) {
    this.#total = total;
    this.#emit = emit;
  }

  /** Bytes received from the network by this run. */
  get fetched(): number {
    return this.#fetched;
  }

  get remaining(): number {
    return Math.max(0, this.#total - this.#done);
  }

  start(): void {
    this.#sampled = { at: performance.now(), fetched: this.#fetched };
    this.#say();
    this.#timer = setInterval(() => this.#tick(), 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Counts bytes that this run did not receive, such as those of earlier runs. Negative for bytes that were wrong or
   * lost.
   */
  addKnown(bytes: number): void {
    this.#done += bytes;
  }

  received(bytes: number): void {
    this.#done += bytes;
    this.#fetched += bytes;
  }

  #tick(): void {
    const now = performance.now();
    const seconds = (now - this.#sampled.at) / 1000;
    const latest = (this.#fetched - this.#sampled.fetched) / seconds;
    const weight = 1 - Math.exp(-seconds / smoothingSeconds);
    this.#rate = this.#rate === undefined ? latest : this.#rate + weight * (latest - this.#rate);
    this.#sampled = { at: now, fetched: this.#fetched };
    this.#say();
  }

  #say(): void {
    const rate = Math.round(this.#rate ?? 0);
    const done = Math.min(this.#done, this.#total);
    const secondsLeft = rate > 0 ? Math.ceil((this.#total - done) / rate) : null;
    this.#emit({ type: 'progress', done, total: this.#total, rate, seconds_left: secondsLeft });
  }
}
