import { TransientError } from '../failure.ts';
import { newBuffers, RawConnection, type Buffers, type RawAnswer } from './raw-connection.ts';

/** Sends GET requests over raw connections, and keeps the connections that can be reused. */
export class RawClient implements Disposable {
  readonly #stallMs: number;
  readonly #idle = new Map<string, RawConnection[]>();
  readonly #all = new Set<RawConnection>();
  /** Buffers of ended connections, for reuse: the garbage collector does not see how large shared memory is. */
  readonly #spare: Buffers[] = [];

  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  async get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<RawAnswer> {
    for (;;) {
      const connection = this.#take(url);
      const wasUsed = connection.isUsed;
      try {
        return await connection.get(url, headers, signal, () => this.#idle.get(url.origin)?.push(connection));
      } catch (error) {
        // A server may close a kept connection just when it is reused.
        const isStale = wasUsed && error instanceof TransientError && error.code === 'hub_unreachable';
        if (!isStale || signal.aborted) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connection of this.#all) connection.close();
  }

  #take(url: URL): RawConnection {
    const idle = this.#idle.get(url.origin) ?? [];
    this.#idle.set(url.origin, idle);
    for (let kept = idle.pop(); kept; kept = idle.pop()) if (kept.isOpen) return kept;
    const buffers = this.#spare.pop() ?? newBuffers();
    const connection = new RawConnection(url, this.#stallMs, buffers, () => {
      this.#all.delete(connection);
      this.#spare.push(buffers);
    });
    this.#all.add(connection);
    return connection;
  }
}
