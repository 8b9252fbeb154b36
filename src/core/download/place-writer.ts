import { writev } from 'node:fs';
import { fromFileSystem } from './failure.ts';

/** A place in a file: [start, end). */
export interface Place {
  start: number;
  end: number;
}

export interface BodySink {
  fd: number;
  /** Shared by all who write to this file. */
  turns: Turns;
  path: string;
  /** Called right before each write; throws when this run may no longer write. */
  check(): void;
  received(bytes: number): void;
  /** Everything before `end` of this body is in the file now. May answer with a promise until which no more is wanted. */
  written(end: number): Promise<void> | undefined;
}

/** Runs tasks one after the other. The kernel lets one writer into a file at a time, and the others spin on a processor. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** One write call takes about this much: fewer calls cost less, larger ones hold more memory for each connection. */
export const batchBytes = 1024 * 1024;

/** Writes batch after batch, one at a time, so that what is written has no gaps. */
export class PlaceWriter {
  readonly #sink: BodySink;
  #at: number;

  constructor(place: Place, sink: BodySink) {
    this.#at = place.start;
    this.#sink = sink;
  }

  async write(batch: Buffer[]): Promise<void> {
    const bytes = batch.reduce((sum, buffer) => sum + buffer.length, 0);
    await this.#sink.turns.run(() => {
      this.#sink.check();
      return writeAll(this.#sink, batch, this.#at);
    });
    this.#at += bytes;
    await this.#sink.written(this.#at);
  }
}

/** `writev` may write less than it was given. */
function writeAll(sink: BodySink, buffers: Buffer[], at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    writev(sink.fd, buffers, at, (error, count) => {
      if (error) {
        reject(fromFileSystem(error, sink.path));
        return;
      }
      const rest = dropBytes(buffers, count);
      resolve(rest.length === 0 ? undefined : writeAll(sink, rest, at + count));
    });
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
