import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { extname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { errorFromWire } from '../../../base/errors.ts';
import type { Clock } from '../../../base/clock.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { systemErrorCode } from '../../../base/system-error.ts';
import { filesystemLine } from './requests.ts';
import type { FilesystemRequest } from './requests.ts';

const program = fileURLToPath(new URL(`./filesystem-main${extname(import.meta.url)}`, import.meta.url));
/** The largest answer is an index file of 16 MiB in base64. */
const maximumLine = 32 * 1024 ** 2;

/** A look that got no answer: the filesystem is silent, or the program has ended. */
export class NoAnswer extends Error {}

interface Pending {
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
  limit: Disposable;
}

export interface ProcessDeps {
  root: string;
  clock: Clock;
  /** The filesystem has to answer something in this time. */
  silenceMs: number;
  /** One request may take this long in all. */
  totalMs: number;
  /** Ends the process group. A test leaves it out, as the kernel does with a process that waits for a disk. */
  kill: (pid: number) => void;
  /** It takes no more requests. */
  onFailed: () => void;
  /** The process is gone. */
  onExit: () => void;
}

/**
 * The program that looks at one filesystem. It fails once, with all requests that wait. It sees no environment variables
 * of the server. While it has nothing to do, it does not keep the server alive.
 */
export class FilesystemProcess {
  readonly #deps: ProcessDeps;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #silence: Disposable | undefined;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #failed = false;
  #heardMs: number | undefined;

  constructor(deps: ProcessDeps) {
    this.#deps = deps;
    this.#child = spawn(process.execPath, [program, deps.root], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child.on('error', (error) => this.#fail(error));
    // Without descriptors, Node makes no pipes either.
    if (this.#child.pid === undefined) {
      this.#failed = true;
      return;
    }
    this.#child.on('exit', () => {
      this.#fail(new NoAnswer('The program ended.'));
      deps.onExit();
    });
    this.#child.stdin.on('error', (error) => this.#fail(error));
    this.#child.stdout.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#keepAlive(false);
  }

  /** Undefined if it could not be started. It takes no requests then. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How many requests wait for an answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** When it last said something. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  ask(request: FilesystemRequest): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const limit = this.#deps.clock.after(this.#deps.totalMs, () => this.#fail(new NoAnswer('It took too long.')));
      this.#pending.set(id, { resolve, reject, limit });
      if (this.#pending.size === 1) this.#listen();
      this.#keepAlive(true);
      this.#child.stdin.write(`${JSON.stringify({ id, request })}\n`);
    });
  }

  /** Lets it end by itself. */
  end(): void {
    this.#failed = true;
    this.#child.stdin.end();
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#fail(new NoAnswer('The server is stopping.'));
  }

  #listen(): void {
    this.#silence?.[Symbol.dispose]();
    if (this.#pending.size > 0)
      this.#silence = this.#deps.clock.after(this.#deps.silenceMs, () => this.#fail(new NoAnswer('It is silent.')));
  }

  #take(bytes: Buffer): void {
    this.#heardMs = this.#deps.clock.elapsedMs();
    this.#listen();
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      const line = Buffer.concat([...this.#line, bytes.subarray(from, at)]).toString('utf8');
      this.#line = [];
      this.#lineBytes = 0;
      from = at + 1;
      this.#takeLine(line);
    }
    if (from < bytes.length) this.#line.push(bytes.subarray(from));
    this.#lineBytes += bytes.length - from;
    if (this.#lineBytes > maximumLine) this.#fail(new Error('An answer of the program is too long.'));
  }

  #takeLine(text: string): void {
    const line = filesystemLine.safeParse(parseJson(text));
    if (!line.success) return this.#fail(new Error('The program printed no answer.', { cause: line.error }));
    if ('alive' in line.data) return;
    const { id } = line.data;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.limit[Symbol.dispose]();
    if ('error' in line.data) pending?.reject(errorFromWire(line.data.error, 500));
    else pending?.resolve(line.data.answer);
    this.#listen();
    this.#keepAlive(this.#pending.size > 0);
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#silence?.[Symbol.dispose]();
    for (const { reject, limit } of this.#pending.values()) {
      limit[Symbol.dispose]();
      reject(error);
    }
    this.#pending.clear();
    this.#endGroup();
    // What cannot be ended must not keep the server alive.
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.unref();
    this.#deps.onFailed();
  }

  #endGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      this.#deps.kill(pid);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'ESRCH') throw thrown;
    }
  }

  #keepAlive(wanted: boolean): void {
    // Pipes of a child process are sockets, which can be released; their types do not say so.
    for (const each of [this.#child, this.#child.stdin, this.#child.stdout]) {
      if (wanted && 'ref' in each && typeof each.ref === 'function') each.ref();
      if (!wanted && 'unref' in each && typeof each.unref === 'function') each.unref();
    }
  }
}
