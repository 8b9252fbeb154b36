import { setTimeout as sleep } from 'node:timers/promises';
import type { PullTuning } from '../config/pull-environment.ts';
import { inParallel } from './disk/committer.ts';
import type { Committer } from './disk/committer.ts';
import { asError, PullFailure, RangesIgnored, TransientError } from './failure.ts';
import type { FileTransfer } from './file-transfer.ts';
import type { HubSource } from './hub-source.ts';
import { JobQueue, type Job } from './job-queue.ts';
import type { PartFile } from './disk/part-file.ts';
import type { Progress } from './progress.ts';

/** Progress on a range that resets its count of failures. */
const progressBytes = 1024 * 1024;
/** How often a file is downloaded again if its hash is wrong. */
const refetches = 2;
/** Limit of finished files that are not yet published: each one has an open descriptor, or its bytes in memory. */
const longestBacklogFiles = 256;
/** Files that are taken from other volumes at the same time: as many as threads may hash. */
const parallelTakes = 4;

/**
 * Bytes that may be requested at the same time. A kill loses less than that: connections pause while half of it is not
 * durable.
 */
export function windowBytes(tuning: PullTuning): number {
  return tuning.connections * tuning.rangeBytes;
}

export interface Deps {
  tuning: PullTuning;
  source: HubSource;
  committer: Committer;
  progress: Progress;
  /** Aborts the run with this reason. */
  fail(error: Error): void;
  signal: AbortSignal;
}

/** Downloads files over a fixed number of connections, until all are published or the run is aborted. */
export class Downloader {
  readonly #deps: Deps;
  readonly #queue: JobQueue;
  readonly #settling = new Set<Promise<void>>();

  constructor(deps: Deps, files: readonly FileTransfer[]) {
    this.#deps = deps;
    this.#queue = new JobQueue(files.length);
    deps.signal.addEventListener('abort', () => {
      this.#queue.close();
      for (const file of files) file.stopJobs(asError(deps.signal.reason));
    });
    for (const file of files) if (file.equals.length === 0) this.#enqueue(file);
    this.#settleLater(this.#takeAll(files.filter((file) => file.equals.length > 0)));
  }

  /** Resolves when all work has ended, after success or failure. */
  async run(): Promise<void> {
    const { connections } = this.#deps.tuning;
    await Promise.all(Array.from({ length: connections }, () => this.#connection()));
    await Promise.all(this.#settling);
    await this.#deps.committer.flush();
  }

  async #connection(): Promise<void> {
    for (let job = await this.#queue.take(); job; job = await this.#queue.take()) {
      try {
        await this.#waitForDisk();
        await this.#fetch(job);
      } catch (error) {
        this.#onJobFailure(job.file, asError(error));
      }
      job.file.outstanding -= 1;
      if (job.file.outstanding === 0) this.#settle(job.file);
    }
  }

  #onJobFailure(file: FileTransfer, error: Error): void {
    if (this.#deps.signal.aborted || file.startOverAs) return;
    if (!(error instanceof RangesIgnored)) return this.#deps.fail(error);
    file.startOverAs = 'single';
    file.stopJobs(error);
  }

  /** All jobs of a file have ended: it is complete, or bytes are missing, or it starts over. */
  #settle(file: FileTransfer): void {
    this.#settleLater(this.#decide(file));
  }

  #settleLater(work: Promise<void>): void {
    const settled = work.catch((error: Error) => this.#deps.fail(error));
    this.#settling.add(settled);
    void settled.then(() => this.#settling.delete(settled));
  }

  /** Takes files from other volumes, while the connections download the rest. What cannot be taken is downloaded. */
  async #takeAll(files: readonly FileTransfer[]): Promise<void> {
    await inParallel(parallelTakes, files, async (file) => {
      if (this.#deps.signal.aborted) return;
      await this.#requireAccess(file);
      file.taken = await this.#take(file);
      file.equals = [];
      if (file.taken) await this.#decide(file);
      else this.#enqueue(file);
    });
  }

  async #requireAccess(file: FileTransfer): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await file.requireAccess();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        // A download because of a busy Hub would be much longer than this wait.
        await this.#recover(file, error, failures);
      }
    }
  }

  async #take(file: FileTransfer): Promise<boolean> {
    for (const { path } of file.equals) {
      try {
        await file.part.take(path, file.signal);
        this.#deps.progress.addKnown(file.part.spec.size);
        return true;
      } catch {
        // The other volume may be evicted meanwhile, or its disk may fail. The Hub has the file too.
        await file.part.remove();
      }
    }
    return false;
  }

  async #decide(file: FileTransfer): Promise<void> {
    if (this.#deps.signal.aborted) return;
    if (file.startOverAs) return this.#startOver(file, file.startOverAs);
    if (file.part.missing(this.#deps.tuning.rangeBytes).length > 0) return this.#enqueue(file);
    if (await file.part.verify()) {
      void file.part.published.then(() => this.#queue.settled());
      const { part } = file;
      this.#deps.committer.add({ part, bytes: journals(part, this.#deps.tuning) ? 0 : part.spec.size });
      return;
    }
    if (file.taken) {
      file.taken = false;
      return this.#startOver(file, 'ranges');
    }
    if (file.refetches >= refetches) {
      const message = `${file.part.spec.path} does not match the Hub's hash after ${refetches + 1} downloads.`;
      throw new PullFailure('checksum_mismatch', message);
    }
    file.refetches += 1;
    await this.#startOver(file, 'ranges');
  }

  async #startOver(file: FileTransfer, mode: 'ranges' | 'single'): Promise<void> {
    this.#deps.progress.addKnown(-file.part.writtenBytes);
    await this.#deps.committer.discard(file.part);
    file.reset(mode);
    this.#enqueue(file);
  }

  #enqueue(file: FileTransfer): void {
    const { spec } = file.part;
    const piece = file.mode === 'single' ? spec.size : this.#deps.tuning.rangeBytes;
    const jobs = file.part.missing(piece).map(([start, end]) => ({ file, start, end }));
    file.outstanding = jobs.length;
    if (jobs.length === 0) this.#settle(file);
    else this.#queue.add(jobs);
  }

  async #waitForDisk(): Promise<void> {
    while (this.#isBehind() && !this.#deps.signal.aborted) await this.#deps.committer.batch();
  }

  #isBehind(): boolean {
    const { waitingBytes, waiting } = this.#deps.committer;
    return waitingBytes > windowBytes(this.#deps.tuning) / 2 || waiting > longestBacklogFiles;
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
        if (!(error instanceof TransientError)) throw error;
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

  /** Sends one request and writes its body. False if another connection streams this file. */
  async #attempt(file: FileTransfer, range: { at: number; end: number }): Promise<boolean> {
    const opened = await file.open(range.at, range.end);
    if (!opened) return false;
    range.end = opened.end;
    const { part } = file;
    const { progress, committer, tuning } = this.#deps;
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
        return this.#isBehind() ? this.#waitForDisk() : undefined;
      },
    };
    try {
      await opened.response.writeTo(opened, sink);
    } finally {
      commit();
      progress.addKnown(range.at - from - received);
    }
    return true;
  }

  async #recover(file: FileTransfer, error: TransientError, failures: number): Promise<void> {
    const { tries, backoffMs } = this.#deps.tuning;
    if (failures >= tries)
      throw new PullFailure(error.code, `${error.message} The download gave up after ${tries} tries.`, {
        cause: error,
      });
    if (file.isStreamed) file.forgetLink();
    if (error.expired && failures === 1) return;
    const longest = Math.min(backoffMs.longest, backoffMs.first * 2 ** (failures - 1));
    await sleep(Math.random() * longest, undefined, { signal: file.signal });
  }
}

/** Bytes in memory are not on disk yet. A file of one range is recorded only when it is published. */
function journals(part: PartFile, tuning: PullTuning): boolean {
  return !part.isInMemory && part.spec.size > tuning.rangeBytes;
}
