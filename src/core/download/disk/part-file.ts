import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFileSystem } from '../failure.ts';
import { holderName } from './holder.ts';
import { statedHash } from './hasher.ts';
import { IntervalSet, type Interval } from './intervals.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { BytesInMemory, BytesOnDisk, type PartBytes, type PartTools } from './part-bytes.ts';
import { fileKey, statePaths } from './paths.ts';

/** Up to this size a file waits in memory until it is whole. */
const inMemoryBytes = 64 * 1024;

/** A file on its way: its bytes lie under the holder's own name, so that an older holder cannot publish or truncate them. */
export class PartFile {
  readonly spec: PullFile;
  readonly key: string;
  readonly path: string;
  readonly finalPath: string;
  /** Nothing of it is on the disk before all of it is. */
  readonly isInMemory: boolean;
  readonly #tools: PartTools;
  #written: IntervalSet;
  #opening: Promise<void> | undefined;
  #bytes: PartBytes | undefined;
  #published = Promise.withResolvers<void>();

  constructor(spec: PullFile, target: string, durable: IntervalSet, tools: PartTools) {
    this.spec = spec;
    this.key = fileKey(spec);
    this.path = join(statePaths(target).parts, `${this.key}@${holderName(tools.fence.holder)}`);
    this.finalPath = join(target, spec.path);
    this.isInMemory = spec.size <= inMemoryBytes && durable.bytes === 0;
    this.#tools = tools;
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

  /** Ready to be written to; opened by the first who asks. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error) => {
      throw fromFileSystem(error, this.path);
    });
    return this.#opening;
  }

  /** Puts bytes into an open part. Throws `superseded` once another run holds the target. */
  async write(batch: Buffer[], at: number): Promise<void> {
    if (!this.#bytes) throw new Error(`${this.path} is not open`);
    await this.#bytes.write(batch, at).catch((error) => {
      throw fromFileSystem(error, this.path);
    });
  }

  wrote(start: number, end: number): void {
    const before = this.#written.prefix;
    this.#written.add(start, end);
    if (this.#written.prefix > before) this.#bytes?.advance(this.#written.prefix);
  }

  /** Whether the bytes are those that the Hub stated. Only for a file without gaps. */
  async verify(): Promise<boolean> {
    await this.open();
    return this.#bytes?.verify() ?? false;
  }

  async sync(): Promise<void> {
    await this.#bytes?.sync();
  }

  async close(): Promise<void> {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    this.#opening = undefined;
    await bytes?.close();
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

  async #open(): Promise<void> {
    const { size } = this.spec;
    const stated = statedHash(this.spec);
    if (this.isInMemory) {
      this.#bytes = new BytesInMemory(this.path, size, this.#tools.fence, stated);
      return;
    }
    const handle = await open(this.path, this.#written.bytes > 0 ? 'r+' : 'w+');
    this.#bytes = new BytesOnDisk(handle, size, this.#tools, stated);
    if (this.#written.prefix > 0) this.#bytes.advance(this.#written.prefix);
  }
}
