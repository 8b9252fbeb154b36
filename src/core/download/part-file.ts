import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFileSystem } from './failure.ts';
import type { Fence } from './fence.ts';
import { holderName } from './holder.ts';
import type { FileHash, Hasher } from './hasher.ts';
import { statedHash } from './hasher.ts';
import { IntervalSet, type Interval } from './intervals.ts';
import type { PullFile } from './manifest.ts';
import { fileKey, statePaths } from './paths.ts';
import { Turns } from './place-writer.ts';

/** A file on its way: its bytes lie under the holder's own name, so that an older holder cannot publish or truncate them. */
export class PartFile {
  readonly spec: PullFile;
  readonly key: string;
  readonly path: string;
  readonly finalPath: string;
  readonly turns = new Turns();
  readonly #hasher: Hasher;
  #written: IntervalSet;
  #opened: Promise<FileHandle> | undefined;
  #handle: FileHandle | undefined;
  #hash: FileHash | undefined;
  #published = Promise.withResolvers<void>();

  constructor(spec: PullFile, target: string, fence: Fence, hasher: Hasher, durable: IntervalSet) {
    this.spec = spec;
    this.key = fileKey(spec);
    this.path = join(statePaths(target).parts, `${this.key}@${holderName(fence.holder)}`);
    this.finalPath = join(target, spec.path);
    this.#hasher = hasher;
    this.#written = durable;
  }

  get writtenBytes(): number {
    return this.#written.bytes;
  }

  get published(): Promise<void> {
    return this.#published.promise;
  }

  missing(piece: number): Interval[] {
    return this.#written.missing(this.spec.size, piece);
  }

  /** The descriptor to write to; opened by the first who asks. */
  async open(): Promise<number> {
    this.#opened ??= this.#open();
    return (await this.#opened).fd;
  }

  wrote(start: number, end: number): void {
    const before = this.#written.prefix;
    this.#written.add(start, end);
    if (this.#written.prefix > before) this.#hash?.advance(this.#written.prefix);
  }

  /** Whether the bytes are those that the Hub stated. Only for a file without gaps. */
  async verify(): Promise<boolean> {
    await this.open();
    const stated = statedHash(this.spec);
    if (!stated || !this.#hash) return true;
    return (await this.#hash.finish()) === stated.digest;
  }

  async sync(): Promise<void> {
    await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#opened = undefined;
    await this.#hash?.drop();
    this.#hash = undefined;
    await handle?.close();
  }

  /** Takes the bytes away; the file begins again from nothing, under another inode. */
  async remove(): Promise<void> {
    await this.close();
    this.#written = new IntervalSet();
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw fromFileSystem(error, this.path);
    });
  }

  onPublished(): void {
    this.#published.resolve();
  }

  async #open(): Promise<FileHandle> {
    try {
      const handle = await open(this.path, this.#written.bytes > 0 ? 'r+' : 'w+');
      this.#handle = handle;
      const stated = statedHash(this.spec);
      if (stated) this.#hash = this.#hasher.open(handle.fd, this.spec.size, stated);
      if (this.#written.prefix > 0) this.#hash?.advance(this.#written.prefix);
      return handle;
    } catch (error) {
      throw fromFileSystem(error, this.path);
    }
  }
}
