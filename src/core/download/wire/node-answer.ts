import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import { asSetback, PullFailure, Setback } from '../failure.ts';
import { batchBytes, PlaceWriter, type BodySink, type Place } from './place-writer.ts';

/** An answer that Node's own client parsed. */
export class NodeAnswer implements Answer {
  readonly status: number;
  readonly host: string;
  readonly #response: IncomingMessage;
  readonly #stallMs: number;

  constructor(response: IncomingMessage, stallMs: number) {
    this.#response = response;
    this.#stallMs = stallMs;
    this.status = response.statusCode ?? 0;
    // Node keeps the request with its answer, and its types do not say so.
    this.host = (response as IncomingMessage & { req: ClientRequest }).req.host;
  }

  header(name: string): string | undefined {
    const value = this.#response.headers[name];
    return Array.isArray(value) ? value.join() : value;
  }

  async writeTo(place: Place, sink: BodySink): Promise<void> {
    await new StreamWriter(this.#response, this.host, place, sink, this.#stallMs).done;
  }

  async text(): Promise<string> {
    let text = '';
    try {
      for await (const chunk of this.#response) {
        text += String(chunk);
        if (text.length > 64 * 1024) break;
      }
    } catch {
      // A refusal whose body breaks off is a refusal all the same.
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

class StreamWriter {
  readonly #response: IncomingMessage;
  readonly #host: string;
  readonly #sink: BodySink;
  readonly #writer: PlaceWriter;
  readonly #result = Promise.withResolvers<void>();
  readonly #stall: NodeJS.Timeout;
  readonly #stallMs: number;
  #batch: Buffer[] = [];
  #batched = 0;
  #missing: number;
  #writing = false;
  #ended = false;
  #failure: Error | undefined;

  constructor(response: IncomingMessage, host: string, place: Place, sink: BodySink, stallMs: number) {
    this.#response = response;
    this.#host = host;
    this.#sink = sink;
    this.#writer = new PlaceWriter(place, sink);
    this.#stallMs = stallMs;
    this.#missing = place.end - place.start;
    this.#stall = setTimeout(() => this.#onStall(), stallMs);
    response.on('data', (chunk: Buffer) => this.#onData(chunk));
    response.on('end', () => this.#onEnd());
    response.on('error', (error) => this.#fail(asSetback(error, host)));
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
      this.#fail(new Setback('hub_protocol', `${this.#host} sent more bytes than it was asked for.`));
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
      this.#fail(new Setback('hub_unreachable', `${this.#host} sent ${this.#missing} bytes too few.`));
      return;
    }
    this.#ended = true;
    void this.#flush();
  }

  #onClose(): void {
    if (!this.#ended) this.#fail(new Setback('hub_unreachable', `${this.#host} closed the connection.`));
  }

  /** A pause that the disk or this program asked for is not the server's silence. */
  #onStall(): void {
    if (this.#writing || this.#response.isPaused()) this.#stall.refresh();
    else this.#fail(new Setback('stalled', `${this.#host} sent nothing for ${this.#stallMs / 1000} s.`));
  }

  /** What had come until then is written all the same, unless writing is what failed: the next try goes on behind it. */
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

  /** A failure to write outranks what the network did. */
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
