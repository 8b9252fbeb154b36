import { writev } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { fromFileSystem, Setback } from './failure.ts';
import { asSetback, hostOf } from './http-client.ts';

/** One write call takes at least this much: fewer calls cost less, larger ones hold more memory for each connection. */
const batchBytes = 1024 * 1024;

export interface BodySink {
  fd: number;
  path: string;
  /** Called right before each write; throws when this run may no longer write. */
  check(): void;
  received(bytes: number): void;
  /** Everything before `end` of this body is in the file now. May answer with a promise until which no more is wanted. */
  written(end: number): Promise<void> | undefined;
}

/**
 * Writes a body into its place in the file, in order. Resolves when all of it is written; on a failure rejects once nothing
 * is being written any more, so that the last `written` is exactly what is there.
 */
export async function writeBody(
  response: IncomingMessage,
  place: { start: number; end: number },
  sink: BodySink,
  stallMs: number,
): Promise<void> {
  await new BodyWriter(response, place, sink, stallMs).done;
}

class BodyWriter {
  readonly #response: IncomingMessage;
  readonly #sink: BodySink;
  readonly #stallMs: number;
  readonly #host: string;
  readonly #result = Promise.withResolvers<void>();
  readonly #stall: NodeJS.Timeout;
  #batch: Buffer[] = [];
  #batched = 0;
  #at: number;
  #missing: number;
  #writing = false;
  #ended = false;
  #failure: Error | undefined;

  constructor(response: IncomingMessage, place: { start: number; end: number }, sink: BodySink, stallMs: number) {
    this.#response = response;
    this.#sink = sink;
    this.#stallMs = stallMs;
    this.#host = hostOf(response);
    this.#at = place.start;
    this.#missing = place.end - place.start;
    this.#stall = setTimeout(() => this.#onStall(), stallMs);
    response.on('data', (chunk: Buffer) => this.#onData(chunk));
    response.on('end', () => this.#onEnd());
    response.on('error', (error) => this.#fail(asSetback(error, this.#host)));
    response.on('close', () => this.#fail(new Setback('hub_unreachable', `${this.#host} closed the connection.`)));
  }

  get done(): Promise<void> {
    return this.#result.promise;
  }

  #onData(chunk: Buffer): void {
    if (this.#failure) return;
    this.#stall.refresh();
    this.#missing -= chunk.length;
    if (this.#missing < 0) {
      this.#fail(new Setback('hub_protocol', `${this.#host} sent more bytes than it was asked for.`));
      return;
    }
    this.#sink.received(chunk.length);
    this.#batch.push(chunk);
    this.#batched += chunk.length;
    if (this.#batched >= batchBytes) this.#flush();
    if (this.#batched >= batchBytes) this.#response.pause();
  }

  #onEnd(): void {
    if (this.#failure) return;
    if (this.#missing > 0) {
      this.#fail(new Setback('hub_unreachable', `${this.#host} sent ${this.#missing} bytes too few.`));
      return;
    }
    this.#ended = true;
    this.#flush();
    this.#settle();
  }

  /** A pause that the disk or this program asked for is not the server's silence. */
  #onStall(): void {
    if (this.#writing || this.#response.isPaused()) this.#stall.refresh();
    else this.#fail(new Setback('stalled', `${this.#host} sent nothing for ${this.#stallMs / 1000} s.`));
  }

  /** What had come until then is written all the same: the next try goes on behind it. */
  #fail(error: Error): void {
    if (this.#failure || this.#ended) return;
    this.#failure = error;
    this.#response.destroy();
    if (error instanceof Setback) this.#flush();
    this.#settle();
  }

  #settle(): void {
    if (this.#writing || (!this.#failure && !this.#ended)) return;
    clearTimeout(this.#stall);
    if (this.#failure) this.#result.reject(this.#failure);
    else this.#result.resolve();
  }

  #flush(): void {
    if (this.#writing || this.#batched === 0) return;
    try {
      this.#sink.check();
    } catch (error) {
      this.#abandon(error as Error);
      return;
    }
    const batch = this.#batch;
    const end = this.#at + this.#batched;
    this.#batch = [];
    this.#batched = 0;
    this.#writing = true;
    writeAll(this.#sink.fd, batch, this.#at, (error) => {
      if (error) this.#abandon(fromFileSystem(error, this.#sink.path));
      else void this.#onWritten(end);
    });
  }

  async #onWritten(end: number): Promise<void> {
    this.#at = end;
    const pause = this.#sink.written(end);
    if (pause) {
      this.#response.pause();
      await pause;
    }
    this.#writing = false;
    if (this.#batched >= batchBytes || this.#ended || this.#failure) this.#flush();
    if (!this.#writing) this.#settle();
    if (this.#response.isPaused() && !this.#failure && this.#batched < batchBytes) {
      this.#stall.refresh();
      this.#response.resume();
    }
  }

  #abandon(error: Error): void {
    this.#failure = error;
    this.#ended = false;
    this.#writing = false;
    this.#batched = 0;
    this.#response.destroy();
    this.#settle();
  }
}

/** `writev` may write less than it was given. */
function writeAll(fd: number, buffers: Buffer[], at: number, done: (error: Error | null) => void): void {
  writev(fd, buffers, at, (error, count) => {
    if (error) return done(error);
    const rest = dropBytes(buffers, count);
    return rest.length === 0 ? done(null) : writeAll(fd, rest, at + count, done);
  });
}

function dropBytes(buffers: readonly Buffer[], count: number): Buffer[] {
  let left = count;
  return buffers.flatMap((buffer) => {
    const dropped = Math.min(left, buffer.length);
    left -= dropped;
    return dropped === buffer.length ? [] : [buffer.subarray(dropped)];
  });
}
