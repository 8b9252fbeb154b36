import { setMaxListeners } from 'node:events';
import type { Answer } from './wire/answer.ts';
import { Setback } from './failure.ts';
import { bodyPlace, openLink, type HubSource, type OpenedBody } from './hub-source.ts';
import type { PartFile } from './disk/part-file.ts';

/** How a file comes: in ranges by a signed link, or in one stream from its first byte, which cannot be resumed. */
type Mode = 'ranges' | 'single';

/** The requests of one file: one resolve, shared by all connections, and one more for each link that expired. */
export class FileTransfer {
  readonly part: PartFile;
  readonly #source: HubSource;
  /** Jobs that are queued or running. */
  outstanding = 0;
  refetches = 0;
  /** Failures of a stream that cannot be resumed. */
  failures = 0;
  mode: Mode = 'ranges';
  /** Set when a server turned out to ignore ranges: once the running jobs are gone, the file starts over. */
  startOverAs: Mode | undefined;
  #link: URL | undefined;
  #resolving: Promise<URL | undefined> | undefined;
  #streamed = false;
  #abort = newController();

  constructor(part: PartFile, source: HubSource) {
    this.part = part;
    this.#source = source;
  }

  /** Aborted when the run ends, or when this file starts over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The body of [start, end), or of [start, size) where the Hub sends it itself; undefined while another connection streams the file. */
  async open(start: number, end: number): Promise<OpenedBody | undefined> {
    const { spec } = this.part;
    const answer = this.#link ?? (await this.#resolve(start));
    if (answer === undefined) return undefined;
    if (answer instanceof URL) return this.#openLink(answer, start, end);
    try {
      return bodyPlace(answer, spec, start, spec.size);
    } catch (error) {
      this.forgetLink();
      throw error;
    }
  }

  /** The next try asks the Hub again. Connections that failed with the same link ask once between them. */
  forgetLink(): void {
    this.#link = undefined;
    this.#resolving = undefined;
    this.#streamed = false;
  }

  /** True while the Hub itself sends the file, over one connection. */
  get isStreamed(): boolean {
    return this.#streamed;
  }

  /** Stops this file's other requests. */
  stopJobs(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Ready to fetch the whole file again. */
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
      return bodyPlace(response, this.part.spec, start, end);
    } catch (error) {
      if (error instanceof Setback && error.expired && this.#link === link) this.forgetLink();
      throw error;
    }
  }

  async #resolve(start: number): Promise<URL | Answer | undefined> {
    if (this.#resolving) return this.#resolving;
    const { promise, resolve, reject } = Promise.withResolvers<URL | undefined>();
    // Those who wait get the error themselves; without them it is nobody's.
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
