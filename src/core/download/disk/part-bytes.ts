import { open, type FileHandle } from 'node:fs/promises';
import type { Fence } from './fence.ts';
import { hashBytes, type FileHash, type Hasher, type StatedHash } from './hasher.ts';
import type { Writer } from './writer.ts';

/** What all parts of a run share. */
export interface PartTools {
  fence: Fence;
  hasher: Hasher;
  writer: Writer;
}

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

/** A file that is written as it comes, and hashed from the page cache behind that. */
export class BytesOnDisk implements PartBytes {
  readonly #handle: FileHandle;
  readonly #fence: Fence;
  readonly #writer: Writer;
  readonly #stated: StatedHash | undefined;
  readonly #hash: FileHash | undefined;
  /** Writes are done in turn: behind the last one there is none. */
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
    // The number of a closed descriptor may be another file's the next moment.
    await this.#last;
    await this.#handle.close();
  }
}
