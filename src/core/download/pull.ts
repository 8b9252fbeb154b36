import { setMaxListeners } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { systemErrorCode } from '../base/system-error.ts';
import type { PullEnvironment } from '../config/pull-environment.ts';
import { Committer } from './disk/committer.ts';
import { invalidate, isComplete, writeCompletion } from './disk/completion.ts';
import { Downloader, windowBytes } from './downloader.ts';
import { asError, fromFileSystem, PullFailure } from './failure.ts';
import { findEqualFiles } from './disk/equal-files.ts';
import { Fence } from './disk/fence.ts';
import { FileTransfer } from './file-transfer.ts';
import { Hasher } from './disk/hasher.ts';
import { HttpClient } from './wire/http-client.ts';
import { HubSource } from './hub-source.ts';
import { pullFailures, type PullEvent, type PullManifest } from './manifest.ts';
import { PartFile } from './disk/part-file.ts';
import { statePaths } from './disk/paths.ts';
import { isClone, setAside } from './disk/set-aside.ts';
import { Progress } from './progress.ts';
import { recover } from './disk/recover.ts';
import { requireSpace, withMissing } from './disk/space.ts';
import { Writer } from './disk/writer.ts';

/** Interval of the checks of free space during the download. */
const spaceCheckMs = 5000;

export interface PullOptions {
  /** From `parseManifest`, which checks that it is safe. */
  manifest: PullManifest;
  target: string;
  token?: string | undefined;
  /** Trees of other volumes. Files of equal content are taken from there, if the Hub lets this token read them. */
  from?: readonly string[] | undefined;
  /** Fails with `superseded` if it is lower than the number of the target's holder. Default: the holder's number. */
  attempt?: number | undefined;
  environment: PullEnvironment;
  onEvent: (event: PullEvent) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Downloads, verifies and publishes the files of a manifest. Returns the exit status, after the final event. Never
 * throws.
 */
export async function runPull(options: PullOptions): Promise<number> {
  try {
    const done = await pull(options);
    options.onEvent({ type: 'done', ...done });
    return 0;
  } catch (error) {
    const ended = error instanceof PullFailure ? error : unexpected(error);
    const failure = await withMissing(ended, options.target, options.manifest);
    const { status, retryable } = pullFailures[failure.code];
    const { code, message, missingBytes } = failure;
    options.onEvent({ type: 'failed', code, message, retryable, missing_bytes: missingBytes });
    return status;
  }
}

async function pull(options: PullOptions): Promise<{ bytes: number; fetched: number }> {
  const { manifest, target } = options;
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  const complete = await isComplete(target, manifest).catch((error: unknown) => {
    throw fromFileSystem(error, target);
  });
  if (complete) return { bytes, fetched: 0 };
  await mkdir(target, { recursive: true }).catch((error: unknown) => {
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new PullFailure('not_writable', `The folder ${target} cannot be created (${code}).`, { cause: error });
  });
  if (await isClone(target, manifest)) await Fence.forgetReleased(target);
  const fence = await Fence.claim(target, options.attempt);
  const cloned = await prepare(options, fence).catch((error: unknown) => {
    throw fromFileSystem(error, target);
  });
  const from = [...(cloned === undefined ? [] : [cloned]), ...(options.from ?? [])];
  const fetched = await fetchMissing({ ...options, from }, bytes, fence).finally(() => fence.release());
  fence.check();
  await writeCompletion(target, manifest).catch((error: unknown) => {
    throw fromFileSystem(error, target);
  });
  const { parts, journals, cloned: rest } = statePaths(target);
  for (const folder of [parts, journals, rest])
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  return { bytes, fetched };
}

/** Returns the tree of the volume that the target is a clone of. */
async function prepare({ target, manifest }: PullOptions, fence: Fence): Promise<string | undefined> {
  const cloned = await setAside(target, manifest, fence);
  await invalidate(target);
  return cloned;
}

async function fetchMissing(options: PullOptions, total: number, fence: Fence): Promise<number> {
  const { manifest, target, token, from = [] } = options;
  const { tuning, proxy } = options.environment;
  const run = new RunControl(options.signal);
  await using hasher = new Hasher();
  await using writer = new Writer();
  const { journal, unfinished } = await recover(target, manifest, fence, hasher);
  const progress = new Progress(total, options.onEvent);
  const missing = unfinished.reduce((sum, { file, durable }) => sum + file.size - durable.bytes, 0);
  progress.addKnown(total - missing);
  using client = new HttpClient(tuning, proxy, run.signal);
  const source = new HubSource(client, manifest, token);
  const committer = new Committer(target, fence, journal, windowBytes(tuning) / 8, run.fail);
  const tools = { fence, hasher, writer };
  const untouched = unfinished.flatMap(({ file, durable }) => (durable.bytes === 0 ? [file] : []));
  const equals = await findEqualFiles(target, untouched, from);
  const files = unfinished
    .toSorted((a, b) => b.file.size - a.file.size)
    .map(({ file, durable }) => new FileTransfer(new PartFile(file, target, durable, tools), source, equals.get(file)));
  const toWrite = () => progress.remaining - linkableBytes(files);
  try {
    await requireSpace(target, toWrite());
    run.signal.throwIfAborted();
    progress.start();
    using watch = watchSpace(target, toWrite, run);
    void watch;
    await new Downloader({ tuning, source, committer, progress, fail: run.fail, signal: run.signal }, files).run();
  } finally {
    progress.stop();
    await Promise.allSettled(files.map(({ part }) => part.close()));
    await journal.close();
  }
  run.signal.throwIfAborted();
  return progress.fetched;
}

/** The first failure ends the run, and is its reason. */
class RunControl {
  readonly #controller = new AbortController();

  constructor(outer: AbortSignal | undefined) {
    setMaxListeners(0, this.signal);
    if (outer?.aborted) this.fail(asError(outer.reason));
    outer?.addEventListener('abort', () => this.fail(asError(outer.reason)), { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly fail = (error: Error): void => {
    this.#controller.abort(error);
  };
}

/** Bytes that will get a second name instead of space. */
function linkableBytes(files: readonly FileTransfer[]): number {
  const linkable = files.filter(({ equals }) => equals.some((equal) => equal.linkable));
  return linkable.reduce((sum, { part }) => sum + part.spec.size, 0);
}

/** Another process may fill the volume. The run then fails now instead of after hours. */
function watchSpace(target: string, toWrite: () => number, run: RunControl): Disposable {
  const timer = setInterval(() => {
    requireSpace(target, toWrite()).catch(run.fail);
  }, spaceCheckMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function unexpected(error: unknown): PullFailure {
  return new PullFailure('unexpected', `Something went wrong inside the download: ${asError(error).message}`, {
    cause: error,
  });
}
