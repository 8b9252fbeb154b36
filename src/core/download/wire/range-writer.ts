/** A range of a file: [start, end), in bytes. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface BodySink {
  /** Rejects if the write fails, or if this run may not write any more. */
  write(batch: Buffer[], at: number): Promise<void>;
  /** Called for bytes that arrived and may not be written yet. */
  received(bytes: number): void;
  /** All bytes of this body before `end` are in the file. The writer waits for the promise before it writes more. */
  written(end: number): Promise<void> | undefined;
}

/** Bytes per write. Smaller writes need more processor time. Larger ones need more memory per connection. */
export const batchBytes = 1024 * 1024;

/** Writes batches in order, one at a time, so that the written bytes have no gaps. */
export class RangeWriter {
  readonly #sink: BodySink;
  #at: number;

  constructor(range: ByteRange, sink: BodySink) {
    this.#at = range.start;
    this.#sink = sink;
  }

  async write(batch: Buffer[]): Promise<void> {
    const bytes = batch.reduce((sum, buffer) => sum + buffer.length, 0);
    await this.#sink.write(batch, this.#at);
    this.#at += bytes;
    await this.#sink.written(this.#at);
  }
}
