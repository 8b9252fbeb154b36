/** A place in a file: [start, end). */
export interface Place {
  start: number;
  end: number;
}

export interface BodySink {
  /** Rejects when this run may no longer write. */
  write(batch: Buffer[], at: number): Promise<void>;
  received(bytes: number): void;
  /** Everything before `end` of this body is in the file now. May answer with a promise until which no more is wanted. */
  written(end: number): Promise<void> | undefined;
}

/** So much is handed to the disk at a time: less costs a processor more, and more is memory for each connection. */
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
    await this.#sink.write(batch, this.#at);
    this.#at += bytes;
    await this.#sink.written(this.#at);
  }
}
