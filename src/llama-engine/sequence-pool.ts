interface Waiter<S> {
  serve: (sequence: S) => void;
}

/** A fixed number of sequences. Callers wait for a free one, first come, first served. */
export class SequencePool<S> {
  readonly #free: S[];
  readonly #waiting: Waiter<S>[] = [];

  constructor(sequences: readonly S[]) {
    this.#free = [...sequences];
  }

  /**
   * @param rate rates each free sequence; the caller gets the best one
   * @throws the signal's reason, if it is aborted before a sequence is free
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
      reject(signal.reason);
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
