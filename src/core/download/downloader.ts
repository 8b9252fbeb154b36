import { setTimeout as sleep } from 'node:timers/promises';
import type { PullTuning } from '../config/pull-environment.ts';
import type { Committer } from './disk/committer.ts';
import { PullFailure, RangesIgnored, Setback } from './failure.ts';
import type { FileTransfer } from './file-transfer.ts';
import type { HubSource } from './hub-source.ts';
import { JobQueue, type Job } from './job-queue.ts';
import type { PartFile } from './disk/part-file.ts';
import type { Progress } from './progress.ts';

/** A range that got this far between two failures begins to count anew. */
const progressBytes = 1024 * 1024;
/** Fetched again after a mismatch so many times. */
const refetches = 2;
/** More files than this never wait to be published: each holds a descriptor, or its bytes. */
const longestBacklogFiles = 256;

/** Bytes that may be asked for at one time. What a kill costs stays below: connections rest while half of it is not durable. */
export function windowBytes(tuning: PullTuning): number {
  return tuning.connections * tuning.rangeBytes;
}

export interface Deps {
  tuning: PullTuning;
  source: HubSource;
  committer: Committer;
  progress: Progress;
  /** Aborts the run with the reason that it is given. */
  fail(error: Error): void;
  signal: AbortSignal;
}

/** Fetches files over a fixed number of connections, until each is published or the run is aborted. */
export class Downloader {
  readonly #with: Deps;
  readonly #queue: JobQueue;
  readonly #settling = new Set<Promise<void>>();

  constructor(deps: Deps, files: readonly FileTransfer[]) {
    this.#with = deps;
    this.#queue = new JobQueue(files.length);
    deps.signal.addEventListener('abort', () => {
      this.#queue.close();
      for (const file of files) file.stopJobs(deps.signal.reason as Error);
    });
    for (const file of files) this.#enqueue(file);
  }

  /** Resolves when nothing runs any more, well or badly. */
  async run(): Promise<void> {
    const { connections } = this.#with.tuning;
    await Promise.all(Array.from({ length: connections }, () => this.#connection()));
    await Promise.all(this.#settling);
    await this.#with.committer.flush();
  }

  async #connection(): Promise<void> {
    for (let job = await this.#queue.take(); job; job = await this.#queue.take()) {
      try {
        await this.#room();
        await this.#fetch(job);
      } catch (error) {
        this.#onJobFailure(job.file, error as Error);
      }
      job.file.outstanding -= 1;
      if (job.file.outstanding === 0) this.#settle(job.file);
    }
  }

  #onJobFailure(file: FileTransfer, error: Error): void {
    if (this.#with.signal.aborted || file.startOverAs) return;
    if (!(error instanceof RangesIgnored)) return this.#with.fail(error);
    file.startOverAs = 'single';
    file.stopJobs(error);
  }

  /** All jobs of a file are done: it is whole, or lacks something, or starts over. */
  #settle(file: FileTransfer): void {
    const settled = this.#decide(file).catch((error: Error) => this.#with.fail(error));
    this.#settling.add(settled);
    void settled.then(() => this.#settling.delete(settled));
  }

  async #decide(file: FileTransfer): Promise<void> {
    if (this.#with.signal.aborted) return;
    if (file.startOverAs) return this.#startOver(file, file.startOverAs);
    if (file.part.missing(this.#with.tuning.rangeBytes).length > 0) return this.#enqueue(file);
    if (await file.part.verify()) {
      void file.part.published.then(() => this.#queue.settled());
      const { part } = file;
      this.#with.committer.add({ part, bytes: journals(part, this.#with.tuning) ? 0 : part.spec.size });
      return;
    }
    if (file.refetches >= refetches) {
      const message = `${file.part.spec.path} does not match the hash that the Hub states, after ${refetches + 1} downloads.`;
      throw new PullFailure('checksum_mismatch', message);
    }
    file.refetches += 1;
    await this.#startOver(file, 'ranges');
  }

  async #startOver(file: FileTransfer, mode: 'ranges' | 'single'): Promise<void> {
    this.#with.progress.known(-file.part.writtenBytes);
    await this.#with.committer.discard(file.part);
    file.reset(mode);
    this.#enqueue(file);
  }

  #enqueue(file: FileTransfer): void {
    const { spec } = file.part;
    const piece = file.mode === 'single' ? spec.size : this.#with.tuning.rangeBytes;
    const jobs = file.part.missing(piece).map(([start, end]) => ({ file, start, end }));
    file.outstanding = jobs.length;
    if (jobs.length === 0) this.#settle(file);
    else this.#queue.add(jobs);
  }

  async #room(): Promise<void> {
    while (this.#isBehind() && !this.#with.signal.aborted) await this.#with.committer.batch();
  }

  #isBehind(): boolean {
    const { waitingBytes, waiting } = this.#with.committer;
    return waitingBytes > windowBytes(this.#with.tuning) / 2 || waiting > longestBacklogFiles;
  }

  async #fetch(job: Job): Promise<void> {
    const { file } = job;
    await file.part.open();
    const range = { at: job.start, end: job.end };
    let failures = 0;
    while (range.at < range.end) {
      const from = range.at;
      try {
        if (!(await this.#attempt(file, range))) return;
      } catch (error) {
        if (file.signal.aborted) throw file.signal.reason;
        if (!(error instanceof Setback)) throw error;
        if (file.mode === 'single') failures = file.failures;
        else if (range.at - from >= progressBytes) failures = 0;
        failures += 1;
        file.failures = failures;
        await this.#recover(file, error, failures);
        if (file.mode !== 'single') continue;
        file.startOverAs = 'single';
        return;
      }
    }
  }

  /** Writes what one request brings. False: another connection streams this file. */
  async #attempt(file: FileTransfer, range: { at: number; end: number }): Promise<boolean> {
    const opened = await file.open(range.at, range.end);
    if (!opened) return false;
    range.end = opened.end;
    const { part } = file;
    const { progress, committer, tuning } = this.#with;
    let received = 0;
    const from = range.at;
    let committed = from;
    const commit = () => {
      const bytes = range.at - committed;
      if (bytes > 0 && journals(part, tuning)) committer.add({ part, range: [committed, range.at], bytes });
      committed = range.at;
    };
    const sink = {
      write: (batch: Buffer[], at: number) => part.write(batch, at),
      received: (bytes: number) => {
        received += bytes;
        progress.received(bytes);
      },
      written: (end: number) => {
        part.wrote(range.at, end);
        range.at = end;
        if (end - committed >= tuning.rangeBytes / 4) commit();
        return this.#isBehind() ? this.#room() : undefined;
      },
    };
    try {
      await opened.response.writeTo(opened, sink);
    } finally {
      commit();
      progress.known(range.at - from - received);
    }
    return true;
  }

  async #recover(file: FileTransfer, error: Setback, failures: number): Promise<void> {
    const { tries, backoffMs } = this.#with.tuning;
    if (failures >= tries)
      throw new PullFailure(error.code, `${error.message} Given up after ${tries} tries.`, { cause: error });
    if (file.isStreamed) file.forgetLink();
    if (error.expired && failures === 1) return;
    const longest = Math.min(backoffMs.longest, backoffMs.first * 2 ** (failures - 1));
    await sleep(Math.random() * longest, undefined, { signal: file.signal });
  }
}

/** What is in memory is not on the disk, and a file of one range is journalled when it is published. */
function journals(part: PartFile, tuning: PullTuning): boolean {
  return !part.isInMemory && part.spec.size > tuning.rangeBytes;
}
