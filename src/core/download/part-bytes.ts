import { open, type FileHandle } from 'node:fs/promises';
import { writeAll } from './durable.ts';
import type { Fence } from './fence.ts';
import { hashBytes, type FileHash, type Hasher, type StatedHash } from './hasher.ts';

/** Where the bytes of a part are until it is published. */
export interface PartBytes {
  write(batch: Buffer[], at: number): Promise<void>;
  /** Everything before `to` has been written. */
  advance(to: number): void;
  /** Whether a part without gaps has the hash that was stated. */
  verify(): Promise<boolean>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file that goes to the disk in one go, once it is whole and right: no connection waits for the disk meanwhile. */
export class BytesInMemory implements PartBytes {
  readonly #bytes: Buffer;
  readonly #path: string;
  readonly #fence: Fence;
  readonly #stated: StatedHash | undefined;

  constructor(path: string, size: number, fence: Fence, stated: StatedHash | undefined) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#path = path;
    this.#fence = fence;
    this.#stated = stated;
  }

  async write(batch: Buffer[], at: number): Promise<void> {
    let to = at;
    for (const buffer of batch) to += buffer.copy(this.#bytes, to);
  }

  advance(): void {
    // It is hashed when it is whole.
  }

  async verify(): Promise<boolean> {
    return !this.#stated || hashBytes(this.#bytes, this.#stated) === this.#stated.digest;
  }

  async sync(): Promise<void> {
    this.#fence.check();
    const handle = await open(this.#path, 'w');
    try {
      await writeAll(handle.fd, [this.#bytes], 0);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/** A file that is written as it comes, and hashed from the page cache behind that. */
export class BytesOnDisk implements PartBytes {
  readonly #handle: FileHandle;
  readonly #fence: Fence;
  readonly #stated: StatedHash | undefined;
  readonly #hash: FileHash | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle, size: number, fence: Fence, hasher: Hasher, stated: StatedHash | undefined) {
    this.#handle = handle;
    this.#fence = fence;
    this.#stated = stated;
    this.#hash = stated && hasher.open(handle.fd, size, stated);
  }

  /** One at a time: the kernel lets one writer into a file, and the others would spin on a processor. */
  write(batch: Buffer[], at: number): Promise<void> {
    const turn = this.#turn.then(() => {
      this.#fence.check();
      return writeAll(this.#handle.fd, batch, at);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  advance(to: number): void {
    this.#hash?.advance(to);
  }

  async verify(): Promise<boolean> {
    return !this.#hash || (await this.#hash.finish()) === this.#stated?.digest;
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#hash?.drop();
    await this.#handle.close();
  }
}
