import type { IncomingMessage } from 'node:http';
import { PassThrough, pipeline } from 'node:stream';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Answer } from './answer.ts';
import { connectionFailure, PullFailure, TransientError } from '../failure.ts';
import { batchBytes, RangeWriter, type BodySink, type ByteRange } from './range-writer.ts';

/** A response that Node's own client parsed. */
export class NodeAnswer implements Answer {
  readonly status: number;
  readonly host: string;
  readonly #response: IncomingMessage;
  readonly #stallMs: number;

  constructor(response: IncomingMessage, host: string, stallMs: number) {
    this.#response = response;
    this.#stallMs = stallMs;
    this.status = response.statusCode ?? 0;
    this.host = host;
  }

  header(name: string): string | undefined {
    const value = this.#response.headers[name];
    return Array.isArray(value) ? value.join() : value;
  }

  async writeTo(range: ByteRange, sink: BodySink): Promise<void> {
    await new StreamWriter(this.#decoded(), this.host, range, sink, this.#stallMs).done;
  }

  /** A mirror may compress, although it was asked not to. The range bounds the bytes that are read. */
  #decoded(): Readable {
    const encoding = this.header('content-encoding')?.trim().toLowerCase();
    if (encoding === undefined || encoding === 'identity') return this.#response;
    const decoder = decoders[encoding]?.() ?? new PassThrough();
    if (decoders[encoding] === undefined) {
      decoder.destroy(new TransientError('hub_protocol', `${this.host} sends an encoding that is not known.`));
    }
    // The writer sees a failure of either as one of the decoder.
    return pipeline(this.#response, decoder, () => undefined);
  }

  async text(): Promise<string> {
    let text = '';
    try {
      for await (const chunk of this.#response) {
        text += String(chunk);
        if (text.length > 64 * 1024) break;
      }
    } catch {
      // A refusal with an incomplete body is still a refusal.
    }
    return text;
  }

  discard(): void {
    const length = Number(this.#response.headers['content-length'] ?? Infinity);
    this.#response.on('error', () => undefined);
    if (length <= 64 * 1024) this.#response.resume();
    else this.#response.destroy();
  }
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

class StreamWriter {
  readonly #response: Readable;
  readonly #host: string;
  readonly #sink: BodySink;
  readonly #writer: RangeWriter;
  readonly #result = Promise.withResolvers<void>();
  readonly #stall: NodeJS.Timeout;
  readonly #stallMs: number;
  #batch: Buffer[] = [];
  #batched = 0;
  #missing: number;
  #writing = false;
  #ended = false;
  #failure: Error | undefined;

  constructor(response: Readable, host: string, range: ByteRange, sink: BodySink, stallMs: number) {
    this.#response = response;
    this.#host = host;
    this.#sink = sink;
    this.#writer = new RangeWriter(range, sink);
    this.#stallMs = stallMs;
    this.#missing = range.end - range.start;
    this.#stall = setTimeout(() => this.#onStall(), stallMs);
    response.on('data', (chunk: Buffer) => this.#onData(chunk));
    response.on('end', () => this.#onEnd());
    response.on('error', (error) => this.#fail(connectionFailure(error, host)));
    response.on('close', () => this.#onClose());
  }

  get done(): Promise<void> {
    return this.#result.promise;
  }

  #onData(chunk: Buffer): void {
    if (this.#failure) return;
    this.#stall.refresh();
    this.#missing -= chunk.length;
    if (this.#missing < 0) {
      this.#fail(new TransientError('hub_protocol', `${this.#host} sent more bytes than requested.`));
      return;
    }
    this.#sink.received(chunk.length);
    this.#batch.push(chunk);
    this.#batched += chunk.length;
    if (this.#batched >= batchBytes) void this.#flush();
    if (this.#batched >= batchBytes) this.#response.pause();
  }

  #onEnd(): void {
    if (this.#failure) return;
    if (this.#missing > 0) {
      this.#fail(new TransientError('hub_unreachable', `${this.#host} sent ${this.#missing} bytes too few.`));
      return;
    }
    this.#ended = true;
    void this.#flush();
  }

  #onClose(): void {
    if (!this.#ended) this.#fail(new TransientError('hub_unreachable', `${this.#host} closed the connection.`));
  }

  /** While the stream is paused here, for example to wait for the disk, the server is not at fault. */
  #onStall(): void {
    if (this.#writing || this.#response.isPaused()) this.#stall.refresh();
    else this.#fail(new TransientError('stalled', `${this.#host} sent nothing for ${this.#stallMs / 1000} s.`));
  }

  /** The bytes received so far are still written, unless a write failed. The next try continues after them. */
  #fail(error: Error): void {
    if (this.#failure || this.#ended) return;
    this.#failure = error;
    this.#response.destroy();
    void this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#writing) return;
    while (this.#batched > 0 && (this.#batched >= batchBytes || this.#ended || this.#failure)) {
      const batch = this.#batch;
      this.#batch = [];
      this.#batched = 0;
      this.#writing = true;
      await this.#writer.write(batch).catch((error: Error) => this.#abandon(error));
      this.#writing = false;
      if (this.#response.isPaused() && !this.#failure) {
        this.#stall.refresh();
        this.#response.resume();
      }
    }
    this.#settle();
  }

  /** A failed write is more important than a network error. */
  #abandon(error: Error): void {
    if (!(this.#failure instanceof PullFailure)) this.#failure = error;
    this.#batched = 0;
    this.#response.destroy();
  }

  #settle(): void {
    if (!this.#failure && !this.#ended) return;
    clearTimeout(this.#stall);
    if (this.#failure) this.#result.reject(this.#failure);
    else this.#result.resolve();
  }
}
