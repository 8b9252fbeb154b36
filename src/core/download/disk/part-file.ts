import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/system-error.ts';
import { fromFileSystem } from '../failure.ts';
import { holderName } from './holder.ts';
import { statedHash } from './hasher.ts';
import { IntervalSet, type Interval } from './intervals.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { BytesInMemory, BytesOnDisk, type PartBytes, type PartTools } from './part-bytes.ts';
import { fileKey, statePaths } from './paths.ts';
import { takeFile } from './take-file.ts';

/** Files up to this size stay in memory until they are complete. */
const inMemoryBytes = 64 * 1024;

/**
 * A file that is being downloaded. Its name contains the holder, so that an older holder cannot publish or truncate it.
 */
export class PartFile {
  readonly spec: PullFile;
  readonly key: string;
  readonly path: string;
  readonly finalPath: string;
  /** True if the file is written to disk only when it is complete. */
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

  /** Opens the part for writing. Further calls share the first one's result. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error) => {
      throw fromFileSystem(error, this.path);
    });
    return this.#opening;
  }

  /** Writes to an open part. Throws `superseded` if another run holds the target. */
  async write(batch: Buffer[], at: number): Promise<void> {
    if (!this.#bytes) throw new Error(`${this.path} is not open.`);
    await this.#bytes.write(batch, at).catch((error) => {
      throw fromFileSystem(error, this.path);
    });
  }

  /**
   * Fills the part with a file of another volume. It may be a link, so it is opened only for reading: `verify` reads all of
   * it. If this throws, call `remove`.
   */
  async take(from: string, signal: AbortSignal): Promise<void> {
    this.#tools.fence.check();
    await takeFile(from, this.path, signal);
    const handle = await open(this.path, 'r');
    this.#bytes = new BytesOnDisk(handle, this.spec.size, this.#tools, statedHash(this.spec));
    this.#opening = Promise.resolve();
    const { size } = await handle.stat();
    if (size !== this.spec.size) throw new Error(`${from} has ${size} bytes instead of ${this.spec.size}.`);
    this.wrote(0, size);
  }

  wrote(start: number, end: number): void {
    const before = this.#written.prefix;
    this.#written.add(start, end);
    if (this.#written.prefix > before) this.#bytes?.advance(this.#written.prefix);
  }

  /** True if the hash is the one that the Hub states. The file must be complete. */
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

  /** Deletes the bytes. The file starts over with another inode. */
  async remove(): Promise<void> {
    await this.close();
    this.#written = new IntervalSet();
    await unlink(this.path).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'ENOENT') throw fromFileSystem(error, this.path);
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
