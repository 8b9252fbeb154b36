import type { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { FolderEntry, MarkedFile, RegionFilesystem } from '../../../region/region.ts';
import { FilesystemProcess, NoAnswer } from './filesystem-process.ts';
import { filesystemAnswers } from './requests.ts';
import type { FilesystemRequest } from './requests.ts';

const silenceMs = 10_000;
const totalMs = 120_000;
/** A process that has nothing to do for this long is ended, so that the filesystem can be unmounted. */
const idleMs = 60_000;
/** People wait for a list of filesystems. */
const patienceMs = 4000;
/** A busy process says something every second if its filesystem answers. */
const recentMs = 3000;
/** Processes that wait for the filesystem and cannot be ended. With this many, nobody else has to wait too. */
const mostStuck = 4;
const mostWaiting = 500;

interface FilesystemDeps {
  name: string;
  root: string;
  mountPath: string;
  clock: Clock;
  kill?: (pid: number) => void;
}

/**
 * A shared filesystem of this machine. A process of its own looks at it. If the filesystem does not answer in time, the
 * process is ended and the next look starts another one. A process that waits for a dead mount cannot even be killed; it
 * is left alone, and goes away when the mount answers again.
 */
export class LocalFilesystem {
  readonly name: string;
  readonly root: string;
  readonly #deps: FilesystemDeps;
  #process: FilesystemProcess | undefined;
  #idle: Disposable | undefined;
  #isClosed = false;
  /** Processes that were given up and have not ended. */
  readonly #stuck = new Set<FilesystemProcess>();

  constructor(deps: FilesystemDeps) {
    this.name = deps.name;
    this.root = deps.root;
    this.#deps = deps;
  }

  /** Whether it answers now. Never throws. */
  async look(): Promise<RegionFilesystem> {
    const { name, mountPath, clock } = this.#deps;
    if (this.#isBusyAndWell()) return { name, mountPath, state: 'usable' };
    const enough = new AbortController();
    const tooLong = clock.sleep(patienceMs, enough.signal).then(() => this.#notResponding());
    const found = await Promise.race([
      this.#ask({ do: 'check' }, filesystemAnswers.check).then(() => undefined, asReported),
      tooLong,
    ]);
    enough.abort();
    if (found === undefined) return { name, mountPath, state: 'usable' };
    const state = found.kind === 'unavailable' ? 'unknown' : 'unusable';
    return { name, mountPath, state, reason: { code: found.code, message: found.message } };
  }

  /** These throw `filesystem_not_responding`. */
  list(subfolder: string): Promise<FolderEntry[]> {
    return this.#ask({ do: 'list', subfolder }, filesystemAnswers.list);
  }

  async read(path: string, maximumBytes: number): Promise<Buffer> {
    return Buffer.from(await this.#ask({ do: 'read', path, maximumBytes }, filesystemAnswers.read), 'base64');
  }

  async head(path: string, bytes: number): Promise<Buffer> {
    return Buffer.from(await this.#ask({ do: 'head', path, bytes }, filesystemAnswers.head), 'base64');
  }

  mark(subfolder: string, paths: readonly string[]): Promise<MarkedFile[]> {
    return this.#ask({ do: 'mark', subfolder, paths: [...paths] }, filesystemAnswers.mark);
  }

  async #ask<T>(request: FilesystemRequest, schema: z.ZodType<T>): Promise<T> {
    if (this.#isClosed || this.#stuck.size >= mostStuck) throw this.#notResponding();
    this.#idle?.[Symbol.dispose]();
    const running = (this.#process ??= this.#start());
    if (running.waiting >= mostWaiting) throw this.#notResponding();
    try {
      return schema.parse(await running.ask(request));
    } catch (thrown) {
      throw thrown instanceof NoAnswer ? this.#notResponding(thrown) : thrown;
    } finally {
      this.#endWhenIdle(running);
    }
  }

  /** Waits for nothing: a process may never end. */
  close(): void {
    this.#isClosed = true;
    this.#idle?.[Symbol.dispose]();
    this.#process?.kill();
  }

  #start(): FilesystemProcess {
    const { root, clock, kill = killGroup } = this.#deps;
    const started = new FilesystemProcess({
      root,
      clock,
      silenceMs,
      totalMs,
      kill,
      onFailed: () => {
        if (this.#process === started) this.#process = undefined;
        this.#stuck.add(started);
      },
      onExit: () => {
        if (this.#process === started) this.#process = undefined;
        this.#stuck.delete(started);
      },
    });
    if (started.pid === undefined) throw this.#notStarted();
    return started;
  }

  #endWhenIdle(running: FilesystemProcess): void {
    if (running !== this.#process || running.waiting > 0) return;
    this.#idle?.[Symbol.dispose]();
    this.#idle = this.#deps.clock.after(idleMs, () => {
      if (running !== this.#process || running.waiting > 0) return;
      this.#process = undefined;
      running.end();
    });
  }

  #isBusyAndWell(): boolean {
    const { waiting = 0, heardMs } = this.#process ?? {};
    return waiting > 0 && heardMs !== undefined && this.#deps.clock.elapsedMs() - heardMs < recentMs;
  }

  #notStarted(): EcolinkError {
    return fail(
      'filesystem_not_responding',
      `The process that looks at the filesystem ${this.name} cannot be started.`,
      {
        nextStep: 'Check the limits of open files and processes for the account of the server. Then try again.',
        field: 'filesystem',
      },
    );
  }

  #notResponding(cause?: Error): EcolinkError {
    const stuck = this.#stuck.size;
    const count = stuck === 1 ? '1 process waits' : `${stuck} processes wait`;
    const waits = stuck === 0 ? '' : ` ${count} for it and cannot be ended.`;
    return fail('filesystem_not_responding', `The filesystem ${this.name} does not respond.${waits}`, {
      nextStep: 'Check its mount and its server. Then try again.',
      field: 'filesystem',
      cause,
    });
  }
}

function asReported(thrown: unknown): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  throw thrown;
}

function killGroup(pid: number): void {
  process.kill(-pid, 'SIGKILL');
}
