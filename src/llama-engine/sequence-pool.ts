interface Waiter<S> {
  serve: (sequence: S) => void;
}

/** A fixed number of places to generate in. Who finds none free waits, and is served in the order of coming. */
export class SequencePool<S> {
  readonly #free: S[];
  readonly #waiting: Waiter<S>[] = [];

  constructor(sequences: readonly S[]) {
    this.#free = [...sequences];
  }

  /**
   * @param rate says how well a free place suits; the best one is taken
   * @throws the signal's reason, when it is aborted before there was a place
   */
  async use<R>(signal: AbortSignal, rate: (sequence: S) => number, work: (sequence: S) => Promise<R>): Promise<R> {
    signal.throwIfAborted();
    const sequence = this.#takeBest(rate) ?? (await this.#next(signal));
    try {
      return await work(sequence);
    } finally {
      this.#release(sequence);
    }
  }

  #takeBest(rate: (sequence: S) => number): S | undefined {
    const rated = this.#free.map((sequence, index) => ({ index, rating: rate(sequence) }));
    const best = rated.sort((a, b) => b.rating - a.rating)[0];
    return best === undefined ? undefined : this.#free.splice(best.index, 1)[0];
  }

  #next(signal: AbortSignal): Promise<S> {
    const { promise, resolve, reject } = Promise.withResolvers<S>();
    const leave = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      reject(signal.reason as Error);
    };
    const waiter: Waiter<S> = {
      serve: (sequence) => {
        signal.removeEventListener('abort', leave);
        resolve(sequence);
      },
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiter);
    return promise;
  }

  #release(sequence: S): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#free.push(sequence);
    else waiter.serve(sequence);
  }
}
