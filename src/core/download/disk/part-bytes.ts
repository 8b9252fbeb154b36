import { open, type FileHandle } from 'node:fs/promises';
import type { Fence } from './fence.ts';
import { hashBytes, type FileHash, type Hasher, type StatedHash } from './hasher.ts';
import type { Writer } from './writer.ts';

/** The tools that all parts of a run share. */
export interface PartTools {
  fence: Fence;
  hasher: Hasher;
  writer: Writer;
}

/** Stores the bytes of a part until it is published. */
export interface PartBytes {
  write(batch: Buffer[], at: number): Promise<void>;
  /** Call when all bytes before `to` are written. */
  advance(to: number): void;
  /** True if the hash is right. The part must be complete. */
  verify(): Promise<boolean>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A small file in memory. It is written to disk at once, after it is verified, so that no connection waits for the
 * disk.
 */
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
    // The complete file is hashed at once.
  }

  async verify(): Promise<boolean> {
    return !this.#stated || hashBytes(this.#bytes, this.#stated) === this.#stated.digest;
  }

  async sync(): Promise<void> {
    this.#fence.check();
    const handle = await open(this.#path, 'w');
    try {
      await handle.writeFile(this.#bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/** A file that is written to disk while it is downloaded, and hashed from the page cache. */
export class BytesOnDisk implements PartBytes {
  readonly #handle: FileHandle;
  readonly #fence: Fence;
  readonly #writer: Writer;
  readonly #stated: StatedHash | undefined;
  readonly #hash: FileHash | undefined;
  /** Settles when the last write has ended. Writes run in order, so all others have ended too. */
  #last: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle, size: number, { fence, hasher, writer }: PartTools, stated: StatedHash | undefined) {
    this.#handle = handle;
    this.#fence = fence;
    this.#writer = writer;
    this.#stated = stated;
    this.#hash = stated && hasher.open(handle.fd, size, stated);
  }

  async write(batch: Buffer[], at: number): Promise<void> {
    this.#fence.check();
    const written = this.#writer.write(this.#handle.fd, batch, at);
    this.#last = written.catch(() => undefined);
    await written;
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
    // The number of a closed descriptor may be reused for another file at once.
    await this.#last;
    await this.#handle.close();
  }
}
