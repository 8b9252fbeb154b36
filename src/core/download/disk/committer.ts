import { mkdir, rename } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { syncFolder } from './durable.ts';
import type { Fence } from './fence.ts';
import { fromFileSystem } from '../failure.ts';
import { IntervalSet } from './intervals.ts';
import type { Journal, JournalLine } from './journal.ts';
import type { PartFile } from './part-file.ts';

/** What waits for a sync waits no longer than this. */
const longestDelayMs = 1000;

/** What waits for the disk at a time. More than the threads that do so: none rests while this process is busy elsewhere. */
const atOnce = 16;

interface Finished {
  part: PartFile;
  /** Bytes that were written; none for a file that is whole and verified. */
  range?: readonly [start: number, end: number];
  /** What would have to be fetched again if the process ended now. */
  bytes: number;
}

/**
 * Makes finished work durable, then says so in the journal, in this order and in one place. It runs back to back: what
 * finishes while one batch is being synced is the next batch, so small files share their syncs and a crash costs no more
 * than what came in during one.
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

  /** `batchBytes`: a sync is worth its time when so much is waiting for it. */
  constructor(target: string, fence: Fence, journal: Journal, batchBytes: number, onFailure: (error: Error) => void) {
    this.#target = target;
    this.#batchBytes = batchBytes;
    this.#fence = fence;
    this.#journal = journal;
    this.#onFailure = onFailure;
  }

  /** Bytes that are finished and not yet durable. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** How many files and ranges are waiting. */
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

  /** Runs something between two batches. */
  async run(task: () => Promise<void>): Promise<void> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves at the end of the batch that is being made durable. */
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

  /** Forgets what is durable of a file, before its bytes go. */
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
      // What looks like a broken disk may be a successor's tidying.
      this.#fence.check();
      throw fromFileSystem(error, this.#target);
    } finally {
      for (const { bytes } of batch) this.#waitingBytes -= bytes;
    }
  }

  async #commit(batch: readonly Finished[]): Promise<void> {
    const parts = [...new Set(batch.map((finished) => finished.part))];
    await inParallel(atOnce, parts, (part) => part.sync());
    this.#fence.check();
    const whole = batch.filter((finished) => !finished.range).map((finished) => finished.part);
    const folders = new Set<string>();
    await inParallel(atOnce, whole, async (part) => {
      for (const folder of await this.#makeFolder(dirname(part.finalPath))) folders.add(folder);
      await part.close();
      await rename(part.path, part.finalPath);
    });
    await inParallel(atOnce, [...folders], syncFolder);
    await this.#journal.append([
      ...rangeLines(batch),
      ...whole.map((part) => ({ type: 'published', file: part.key }) as const),
    ]);
    for (const part of whole) part.onPublished();
  }

  /** Creates a folder, once in a run, and answers with those whose entries changed, or will when a file is renamed into it. */
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

/** Runs a task for every item, so many at a time; the first failure ends it. */
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
