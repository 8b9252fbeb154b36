import { extname } from 'node:path';
import { Thread } from './thread.ts';
import type { WriteRequest } from './write-worker.ts';

/**
 * Writes in a thread of its own, one batch behind the other: the kernel lets one writer into a file, and waking another of Node's
 * threads for every batch cost as much as writing it (3 GB over loopback on 2 cores, hash left out: 414 MB/s, and 838 in this way).
 */
export class Writer implements AsyncDisposable {
  readonly #thread = new Thread<WriteRequest>(new URL(`./write-worker${extname(import.meta.url)}`, import.meta.url));

  /** Resolves once all of it is in the file, and rejects with the system's error. Memory that is not shared is copied. */
  write(fd: number, batch: readonly Uint8Array[], at: number): Promise<void> {
    return this.#thread.ask({ fd, batch, at });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }
}
