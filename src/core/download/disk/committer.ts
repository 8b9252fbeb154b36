import { mkdir, rename } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { syncFolder } from './durable.ts';
import type { Fence } from './fence.ts';
import { fromFileSystem } from '../failure.ts';
import { IntervalSet } from './intervals.ts';
import type { Journal, JournalLine } from './journal.ts';
import type { PartFile } from './part-file.ts';

/** The longest time that finished bytes wait before a sync starts. */
const longestDelayMs = 1000;

/**
 * Disk operations at the same time. More than Node has threads for them, so that no thread is idle while this one is
 * busy.
 */
const parallelOperations = 16;

interface Finished {
  part: PartFile;
  /** The bytes that were written. Undefined for a file that is complete and verified. */
  range?: readonly [start: number, end: number];
  /** Bytes to download again if the process ended now. */
  bytes: number;
}

/**
 * Makes finished work durable, and then records it in the journal. Nothing else writes records. Batches run one after
 * another: work that finishes during one batch is in the next. So small files share their syncs, and a crash loses only
 * what came in during one batch.
 */
export class Committer {
  readonly #fence: Fence;
  readonly #journal: Journal;
  readonly #target: string;
  readonly #batchBytes: number;
  readonly #onFailure: (error: Error) => void;
  readonly #folders = new Set<string>();
  #queue: Finished[] = [];
  #waitingBytes = 0;
  #last: Promise<void> = Promise.resolve();
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;

  /** A sync starts at once if `batchBytes` are waiting for it. */
  constructor(target: string, fence: Fence, journal: Journal, batchBytes: number, onFailure: (error: Error) => void) {
    this.#target = target;
    this.#batchBytes = batchBytes;
    this.#fence = fence;
    this.#journal = journal;
    this.#onFailure = onFailure;
  }

  /** Finished bytes that are not durable yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Number of finished files and ranges that are not durable yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  add(finished: Finished): void {
    this.#queue.push(finished);
    this.#waitingBytes += finished.bytes;
    if (!finished.range || this.#waitingBytes >= this.#batchBytes) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), longestDelayMs);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#scheduled) return;
    this.#scheduled = true;
    void this.run(() => this.#commitQueue()).catch(this.#onFailure);
  }

  /** Runs a task between two batches. */
  async run(task: () => Promise<void>): Promise<void> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves at the end of the current batch. */
  async batch(): Promise<void> {
    await this.#last;
  }

  /** Resolves when everything that was added so far is durable, or has failed. */
  async flush(): Promise<void> {
    this.#begin();
    for (let last; last !== this.#last;) {
      last = this.#last;
      await last;
    }
  }

  /** Drops a file: records that first, and then deletes its bytes. */
  async discard(part: PartFile): Promise<void> {
    await this.run(async () => {
      for (const { bytes } of this.#queue.filter((finished) => finished.part === part)) this.#waitingBytes -= bytes;
      this.#queue = this.#queue.filter((finished) => finished.part !== part);
      this.#fence.check();
      await this.#journal.append([{ type: 'discarded', file: part.key }]);
      await part.remove();
    });
  }

  async #commitQueue(): Promise<void> {
    this.#scheduled = false;
    const batch = this.#queue;
    this.#queue = [];
    try {
      await this.#commit(batch);
    } catch (error) {
      // The next attempt may have deleted the files. That looks like a broken disk.
      this.#fence.check();
      throw fromFileSystem(error, this.#target);
    } finally {
      for (const { bytes } of batch) this.#waitingBytes -= bytes;
    }
  }

  async #commit(batch: readonly Finished[]): Promise<void> {
    const parts = [...new Set(batch.map((finished) => finished.part))];
    await inParallel(parallelOperations, parts, (part) => part.sync());
    this.#fence.check();
    const whole = batch.filter((finished) => !finished.range).map((finished) => finished.part);
    const folders = new Set<string>();
    await inParallel(parallelOperations, whole, async (part) => {
      for (const folder of await this.#makeFolder(dirname(part.finalPath))) folders.add(folder);
      await part.close();
      await rename(part.path, part.finalPath);
    });
    await inParallel(parallelOperations, [...folders], syncFolder);
    await this.#journal.append([
      ...rangeLines(batch),
      ...whole.map((part) => ({ type: 'published', file: part.key }) as const),
    ]);
    for (const part of whole) part.onPublished();
  }

  /** Creates a folder if this run has not yet. Returns the folders to sync after a file was renamed into it. */
  async #makeFolder(folder: string): Promise<string[]> {
    const created = this.#folders.has(folder) ? undefined : await mkdir(folder, { recursive: true });
    this.#folders.add(folder);
    if (created === undefined) return [folder];
    const chain = [this.#target];
    for (const segment of relative(this.#target, folder).split('/')) chain.push(`${chain.at(-1)}/${segment}`);
    return chain;
  }
}

function rangeLines(batch: readonly Finished[]): JournalLine[] {
  const ranges = new Map<string, IntervalSet>();
  for (const { part, range } of batch) {
    if (!range) continue;
    const known = ranges.get(part.key) ?? new IntervalSet();
    known.add(range[0], range[1]);
    ranges.set(part.key, known);
  }
  return [...ranges].map(([file, set]) => ({ type: 'ranges', file, ranges: set.intervals }));
}

/** Runs a task for every item, at most `width` at the same time. Rejects with the first failure. */
export async function inParallel<T>(
  width: number,
  items: readonly T[],
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
