import { setMaxListeners } from 'node:events';
import type { Answer } from './wire/answer.ts';
import { TransientError } from './failure.ts';
import { bodyRange, openLink, type HubSource, type OpenedBody } from './hub-source.ts';
import type { EqualFile } from './disk/equal-files.ts';
import type { PartFile } from './disk/part-file.ts';

/**
 * How a file is downloaded: in ranges from a signed link, or in one stream from its first byte. A stream cannot be
 * resumed.
 */
type Mode = 'ranges' | 'single';

/** The requests of one file. All connections share one resolve request. Each expired link needs one more. */
export class FileTransfer {
  readonly part: PartFile;
  readonly #source: HubSource;
  /** Files of other volumes to take it from. Empty once it was taken, or if none can be taken. */
  equals: readonly EqualFile[];
  /** Its bytes come from another volume. */
  taken = false;
  /** Jobs that are queued or running. */
  outstanding = 0;
  refetches = 0;
  /** Failures in mode `single`. */
  failures = 0;
  mode: Mode = 'ranges';
  /** Set if the server ignores ranges. The file starts over when its running jobs have ended. */
  startOverAs: Mode | undefined;
  #link: URL | undefined;
  #resolving: Promise<URL | undefined> | undefined;
  #streamed = false;
  #abort = newController();

  constructor(part: PartFile, source: HubSource, equals: readonly EqualFile[] = []) {
    this.part = part;
    this.#source = source;
    this.equals = equals;
  }

  /** Aborted when the run ends, or when this file starts over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * The body of [start, end), or of [start, size) if the Hub itself sends the file. Undefined while another connection
   * streams the file.
   */
  async open(start: number, end: number): Promise<OpenedBody | undefined> {
    const { spec } = this.part;
    const answer = this.#link ?? (await this.#resolve(start));
    if (answer === undefined) return undefined;
    if (answer instanceof URL) return this.#openLink(answer, start, end);
    try {
      return bodyRange(answer, spec, start, spec.size);
    } catch (error) {
      this.forgetLink();
      throw error;
    }
  }

  /**
   * Asks the Hub whether this credential may read the file. Throws what `open` throws. A later download uses the link
   * that the Hub gave.
   */
  async requireAccess(): Promise<void> {
    const answer = await this.#resolve(0);
    if (answer === undefined || answer instanceof URL) return;
    this.forgetLink();
    bodyRange(answer, this.part.spec, 0, this.part.spec.size).response.discard();
  }

  /** The next try asks the Hub for a new link. Connections that failed with the same link share that request. */
  forgetLink(): void {
    this.#link = undefined;
    this.#resolving = undefined;
    this.#streamed = false;
  }

  /** True while the Hub itself sends the file over one connection. */
  get isStreamed(): boolean {
    return this.#streamed;
  }

  /** Aborts all requests of this file. */
  stopJobs(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Prepares a download of the whole file from the beginning. */
  reset(mode: Mode): void {
    this.mode = mode;
    this.startOverAs = undefined;
    this.forgetLink();
    this.#abort = newController();
  }

  async #openLink(link: URL, start: number, end: number): Promise<OpenedBody> {
    const part = { start, end, size: this.part.spec.size, whole: this.mode === 'single' };
    try {
      const response = await openLink(this.#source.client, link, part, this.signal);
      return bodyRange(response, this.part.spec, start, end);
    } catch (error) {
      if (error instanceof TransientError && error.expired && this.#link === link) this.forgetLink();
      throw error;
    }
  }

  async #resolve(start: number): Promise<URL | Answer | undefined> {
    if (this.#resolving) return this.#resolving;
    const { promise, resolve, reject } = Promise.withResolvers<URL | undefined>();
    // Connections that wait get the error. If none waits, it must not count as unhandled.
    promise.catch(() => undefined);
    this.#resolving = promise;
    try {
      const result = await this.#source.resolve(this.part.spec, start, this.signal);
      if (result instanceof URL) this.#link = result;
      else this.#streamed = true;
      resolve(result instanceof URL ? result : undefined);
      return result;
    } catch (error) {
      this.#resolving = undefined;
      reject(error);
      throw error;
    }
  }
}

function newController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
