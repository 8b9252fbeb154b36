import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { Answer } from './answer.ts';
import { asSetback, Setback } from '../failure.ts';
import { batchBytes, PlaceWriter, type BodySink, type Place } from './place-writer.ts';
import { parseChunks } from './chunks.ts';
import { checkInformational, parseHead, type Head } from './response-head.ts';

/** Longer bodies are not worth reading for what they say. */
const longestText = 64 * 1024;

export interface RawAnswer extends Answer {
  /** False where the body’s end is not told by a Content-Length: such a body can be read as a text and not be written to a file. */
  isPlain: boolean;
  /** The body of a short answer; rejects if it does not come whole. */
  body(): Promise<Buffer>;
}

/**
 * One kept connection that reads bodies into two buffers in turn. Node's own client makes a buffer for every 64 KiB that
 * arrive, and collecting those costs more than everything else but the hash: this one takes about half of its processor
 * time. Bodies of files need a Content-Length; short texts may end in any way.
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #stallMs: number;
  #stall: NodeJS.Timeout | undefined;
  readonly #buffers: Buffers;
  readonly #onEnded: () => void;
  /** Which buffer is being filled, and how far; the other one is empty or being written. */
  #current: 0 | 1 = 0;
  #filled = 0;
  #isPaused = false;
  /** What had no room: TLS had decrypted it already when it was asked to pause. */
  readonly #overflow: Buffer[] = [];
  #spare: Buffer | undefined;
  #failure: Error | undefined;
  /** The server ended the connection in good order, which is how a body without a length ends. */
  #isFinished = false;
  #onBytes: () => void = () => undefined;
  /** From a request to the end of its answer: until then its buffers may be on their way to the disk. */
  #isBusy = false;
  #isEnded = false;
  isUsed = false;

  /** `onEnded` is called once, when neither the connection nor a write from its buffers is left. */
  constructor(url: URL, stallMs: number, buffers: Buffers, onEnded: () => void) {
    this.#host = url.host;
    this.#stallMs = stallMs;
    this.#buffers = buffers;
    this.#onEnded = onEnded;
    this.#socket = connect(url, {
      buffer: () => this.#space(),
      callback: (bytes, buffer) => this.#onRead(bytes, buffer),
    });
    this.#socket.resume();
    const closed = () => this.#fail(new Setback('hub_unreachable', `${this.#host} closed the connection.`));
    this.#socket.on('error', (error) => this.#fail(asSetback(error, this.#host)));
    this.#socket.on('close', closed).on('end', () => {
      this.#isFinished = this.isOpen;
      closed();
    });
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  close(): void {
    this.#fail(new Setback('hub_unreachable', `The connection to ${this.#host} was closed.`));
  }

  /** Sends one request and resolves with the head of its answer. `free` is called when the connection can take another. */
  async get(url: URL, headers: Record<string, string>, signal: AbortSignal, free: () => void): Promise<RawAnswer> {
    const lines = Object.entries({ Host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const onAbort = () => this.#fail(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const done = () => signal.removeEventListener('abort', onAbort);
    this.#isBusy = true;
    try {
      signal.throwIfAborted();
      this.#socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`);
      this.isUsed = true;
      this.#stall = setTimeout(() => this.#onStall(), this.#stallMs);
      return this.#answer(await this.#readHead(), done, free);
    } catch (error) {
      done();
      this.#fail(error as Error);
      this.#rest();
      throw error;
    }
  }

  #answer(head: Head, done: () => void, free: () => void): RawAnswer {
    const release = () => {
      done();
      clearTimeout(this.#stall);
      // An idle connection waits for as long as the server keeps it, and expects nothing.
      this.#onBytes = () => this.close();
      const hasSurplus = this.#filled > 0 || this.#overflow.length > 0;
      if (head.keepAlive && this.isOpen && !hasSurplus) free();
      else this.close();
    };
    const orClose = async <T>(reading: Promise<T>): Promise<T> => {
      try {
        const result = await reading;
        release();
        return result;
      } catch (error) {
        done();
        this.close();
        throw error;
      } finally {
        this.#rest();
      }
    };
    const body = () => orClose(this.#readBody(head));
    return {
      status: head.status,
      host: this.#host,
      isPlain: head.contentLength !== undefined,
      header: (name) => head.headers.get(name),
      body,
      text: () => body().then(String, () => ''),
      discard: () => void body().catch(() => undefined),
      writeTo: (place, sink) => orClose(this.#writeBody(head, place, sink)),
    };
  }

  async #readBody({ contentLength, isChunked }: Head): Promise<Buffer> {
    let body: Buffer | undefined;
    let bytes = contentLength;
    await this.#until(() => {
      const received = this.#received();
      if ((contentLength ?? received.length) > longestText) {
        throw new Setback('hub_protocol', `${this.#host} sent a long text.`);
      }
      if (isChunked) ({ body, bytes } = parseChunks(received, this.#host) ?? {});
      else if (contentLength === undefined) body = this.#isFinished ? received : undefined;
      else if (received.length >= contentLength) body = received.subarray(0, contentLength);
      return body !== undefined;
    });
    if (bytes !== undefined && this.#filled > bytes) throw this.#surplus();
    const whole = Buffer.from(body ?? []);
    this.#filled = 0;
    return whole;
  }

  /** The head of the final answer. */
  async #readHead(): Promise<Head> {
    let informational = 0;
    for (let count = 1; ; count += 1) {
      const head = await this.#nextHead();
      if (head.status >= 200) return head;
      informational += head.bytes;
      checkInformational(head, count, informational, this.#host);
    }
  }

  async #nextHead(): Promise<Head> {
    let head: Head | undefined;
    await this.#until(() => {
      head = parseHead(this.#received(), this.#host);
      return head !== undefined;
    });
    if (!head) throw new Setback('hub_protocol', `${this.#host} sent no answer.`);
    // What came behind the head is the beginning of the body, or of another head.
    this.#buffers[this.#current].copyWithin(0, head.bytes, this.#filled);
    this.#filled -= head.bytes;
    this.#goOn();
    return head;
  }

  #received(): Buffer {
    return this.#buffers[this.#current].subarray(0, this.#filled);
  }

  #surplus(): Setback {
    return new Setback('hub_protocol', `${this.#host} sent more bytes than it was asked for.`);
  }

  async #writeBody(head: Head, place: Place, sink: BodySink): Promise<void> {
    const writer = new PlaceWriter(place, sink);
    const total = place.end - place.start;
    if (head.contentLength !== total) {
      throw new Setback('hub_protocol', `${this.#host} announces ${head.contentLength} bytes in place of ${total}.`);
    }
    let taken = 0;
    let counted = 0;
    const arrived = () => {
      const received = taken + this.#filled;
      if (received > total) this.#fail(this.#surplus());
      if (received > counted) sink.received(received - counted);
      counted = received;
      return this.#filled === batchBytes || received === total;
    };
    let writing: Promise<void> = Promise.resolve();
    try {
      while (taken < total) {
        await this.#until(arrived);
        const batch = this.#received();
        // The other buffer may still be on its way to the disk: until then nothing is read.
        await writing;
        if (this.#filled > batch.length) throw this.#surplus();
        taken += batch.length;
        this.#swap();
        writing = writer.write([batch]);
        writing.catch(() => undefined);
      }
      if (this.#filled > 0) throw this.#surplus();
    } catch (error) {
      await writing;
      if (this.#filled > 0 && taken + this.#filled <= total && error instanceof Setback) {
        await writer.write([this.#received()]);
      }
      throw error;
    }
    await writing;
  }

  /** Resolves once the condition holds, looking again whenever bytes came; rejects with what ended the connection. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onBytes = () => {
        let end: boolean | Error;
        try {
          end = condition() || (this.#failure ?? false);
        } catch (error) {
          end = error as Error;
        }
        if (end === false) return;
        this.#onBytes = () => undefined;
        if (end === true) resolve();
        else reject(end);
      };
      this.#onBytes();
    });
  }

  #space(): Uint8Array {
    if (!this.#isPaused) return this.#buffers[this.#current].subarray(this.#filled);
    this.#spare ??= Buffer.allocUnsafeSlow(64 * 1024);
    return this.#spare;
  }

  #onRead(bytes: number, into: Uint8Array): boolean {
    this.#stall?.refresh();
    const arrived = into.subarray(0, bytes);
    const buffer = this.#buffers[this.#current];
    // Node asked for the space before a buffer was swapped or a head was cut off: it may be elsewhere, or more than there is now.
    const isInPlace = into.buffer === buffer.buffer && into.byteOffset === this.#filled;
    if (isInPlace) this.#filled += bytes;
    else if (bytes <= batchBytes - this.#filled) {
      buffer.set(arrived, this.#filled);
      this.#filled += bytes;
    } else {
      this.#overflow.push(Buffer.from(arrived));
      this.#takeOverflow();
    }
    this.#isPaused = this.#filled === batchBytes;
    this.#onBytes();
    return !this.#isPaused;
  }

  /** From now on the other buffer is filled. */
  #swap(): void {
    this.#current = this.#current === 0 ? 1 : 0;
    this.#filled = 0;
    this.#goOn();
  }

  #takeOverflow(): void {
    const buffer = this.#buffers[this.#current];
    for (let bytes = this.#overflow.shift(); bytes; bytes = this.#overflow.shift()) {
      const copied = bytes.copy(buffer, this.#filled);
      this.#filled += copied;
      if (copied === bytes.length) continue;
      this.#overflow.unshift(bytes.subarray(copied));
      return;
    }
  }

  /** Reading goes on where a full buffer has room again. */
  #goOn(): void {
    this.#takeOverflow();
    if (!this.#isPaused || this.#filled === batchBytes) return;
    this.#isPaused = false;
    this.#stall?.refresh();
    this.#socket.resume();
  }

  /** A pause that the disk asked for is not the server's silence. */
  #onStall(): void {
    if (this.#isPaused) this.#stall?.refresh();
    else this.#fail(new Setback('stalled', `${this.#host} sent nothing for ${this.#stallMs / 1000} s.`));
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#stall);
    this.#socket.destroy();
    this.#onBytes();
    this.#end();
  }

  #rest(): void {
    this.#isBusy = false;
    this.#end();
  }

  #end(): void {
    if (!this.#failure || this.#isBusy || this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnded();
  }
}

export type Buffers = readonly [Buffer, Buffer];

/** Shared with the thread that writes. */
export function newBuffers(): Buffers {
  return [Buffer.from(new SharedArrayBuffer(batchBytes)), Buffer.from(new SharedArrayBuffer(batchBytes))];
}

interface OnRead {
  buffer: () => Uint8Array;
  callback: (bytes: number, buffer: Uint8Array) => boolean;
}

function connect(url: URL, onread: OnRead): Socket {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  const address = { host, port: Number(url.port || (secure ? 443 : 80)), onread };
  if (!secure) return connectPlain({ ...address, noDelay: true });
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connectSecure({ ...address, ...name, ALPNProtocols: ['http/1.1'] });
}
