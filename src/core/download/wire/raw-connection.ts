import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import type { Answer } from './answer.ts';
import { asError, connectionFailure, TransientError } from '../failure.ts';
import { batchBytes, RangeWriter, type BodySink, type ByteRange } from './range-writer.ts';
import { parseChunks } from './chunks.ts';
import { checkInformational, parseHead, type Head } from './response-head.ts';

/** The limit for bodies that are read as text. Messages of a server are shorter. */
const longestText = 64 * 1024;

export interface RawAnswer extends Answer {
  /** False without a Content-Length, or with a Content-Encoding. Such a body can be read as text, but not written to a file. */
  isPlain: boolean;
  /** The body. Only for short bodies. Rejects if it is incomplete. */
  body(): Promise<Buffer>;
}

/**
 * A kept connection that reads bodies into two buffers in turn. Node's own client allocates a buffer for every 64 KiB.
 * To collect those takes more time than everything else except the hash. This client needs about half the processor
 * time. Bodies of files need a Content-Length. Short texts may end in any way.
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #stallMs: number;
  #stall: NodeJS.Timeout | undefined;
  readonly #buffers: Buffers;
  readonly #onEnded: () => void;
  /** The buffer that is being filled, and its bytes so far. The other one is empty or being written. */
  #current: 0 | 1 = 0;
  #filled = 0;
  #isPaused = false;
  /** Bytes that did not fit: TLS had decrypted them before the pause. */
  readonly #overflow: Buffer[] = [];
  #spare: Buffer | undefined;
  #failure: Error | undefined;
  /** True if the server ended the connection in good order. A body without a length ends that way. */
  #isFinished = false;
  #onBytes: () => void = () => undefined;
  /** True from a request to the end of its response. During that time a buffer may be being written. */
  #isBusy = false;
  #isEnded = false;
  isUsed = false;

  /** `onEnded` is called once, when the connection and all writes from its buffers have ended. */
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
    const closed = () => this.#fail(new TransientError('hub_unreachable', `${this.#host} closed the connection.`));
    this.#socket.on('error', (error) => this.#fail(connectionFailure(error, this.#host)));
    this.#socket.on('close', closed).on('end', () => {
      this.#isFinished = this.isOpen;
      closed();
    });
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  close(): void {
    this.#fail(new TransientError('hub_unreachable', `The connection to ${this.#host} was closed.`));
  }

  /**
   * Sends one request and resolves with the head of its response. `free` is called when the connection can be reused.
   */
  async get(url: URL, headers: Record<string, string>, signal: AbortSignal, free: () => void): Promise<RawAnswer> {
    const lines = Object.entries({ Host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const onAbort = () => this.#fail(asError(signal.reason));
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
      this.#fail(asError(error));
      this.#rest();
      throw error;
    }
  }

  #answer(head: Head, done: () => void, free: () => void): RawAnswer {
    const release = () => {
      done();
      clearTimeout(this.#stall);
      // On an idle connection no bytes are expected. The server decides how long it keeps the connection.
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
      isPlain: head.contentLength !== undefined && !head.headers.has('content-encoding'),
      header: (name) => head.headers.get(name),
      body,
      text: () => body().then(String, () => ''),
      discard: () => void body().catch(() => undefined),
      writeTo: (range, sink) => orClose(this.#writeBody(head, range, sink)),
    };
  }

  async #readBody({ contentLength, isChunked }: Head): Promise<Buffer> {
    let body: Buffer | undefined;
    let bytes = contentLength;
    await this.#until(() => {
      const received = this.#received();
      if ((contentLength ?? received.length) > longestText) {
        throw new TransientError('hub_protocol', `${this.#host} sent a text that is too long.`);
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

  /** The head of the final response. */
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
    if (!head) throw new TransientError('hub_protocol', `${this.#host} sent no response.`);
    // The bytes after the head are the beginning of the body, or of another head.
    this.#buffers[this.#current].copyWithin(0, head.bytes, this.#filled);
    this.#filled -= head.bytes;
    this.#goOn();
    return head;
  }

  #received(): Buffer {
    return this.#buffers[this.#current].subarray(0, this.#filled);
  }

  #surplus(): TransientError {
    return new TransientError('hub_protocol', `${this.#host} sent more bytes than requested.`);
  }

  async #writeBody(head: Head, range: ByteRange, sink: BodySink): Promise<void> {
    const writer = new RangeWriter(range, sink);
    const total = range.end - range.start;
    if (head.contentLength !== total) {
      throw new TransientError(
        'hub_protocol',
        `${this.#host} announces ${head.contentLength} bytes instead of ${total}.`,
      );
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
        // The other buffer may still be being written. Nothing is read until that has ended.
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
      if (this.#filled > 0 && taken + this.#filled <= total && error instanceof TransientError) {
        await writer.write([this.#received()]);
      }
      throw error;
    }
    await writing;
  }

  /**
   * Resolves when the condition is true. It is checked again when bytes arrive. Rejects with the error that ended the
   * connection.
   */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onBytes = () => {
        let end: boolean | Error;
        try {
          end = condition() || (this.#failure ?? false);
        } catch (error) {
          end = asError(error);
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
    // Node got this space before buffers were swapped or a head was removed. It may be elsewhere, or larger than the
    // space now.
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

  /** Fills the other buffer from now on. */
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

  /** Continues to read if a full buffer has space again. */
  #goOn(): void {
    this.#takeOverflow();
    if (!this.#isPaused || this.#filled === batchBytes) return;
    this.#isPaused = false;
    this.#stall?.refresh();
    this.#socket.resume();
  }

  /** During a pause for the disk the server is not at fault. */
  #onStall(): void {
    if (this.#isPaused) this.#stall?.refresh();
    else this.#fail(new TransientError('stalled', `${this.#host} sent nothing for ${this.#stallMs / 1000} s.`));
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

/** In memory that is shared with the writing thread. */
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
