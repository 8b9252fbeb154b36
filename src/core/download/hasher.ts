import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-worker.ts';
import type { PullFile } from './manifest.ts';

/** Up to this size a file is hashed where it is asked for: messages to another thread would cost more than its hash. */
const inlineBytes = 64 * 1024;

/**
 * Hashes files in another thread, behind the bytes as they become complete: it reads what was just written from the page
 * cache, so connections may fill a file in any order, and memory does not grow with it.
 */
export class Hasher implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (digest: string) => void; reject: (error: Error) => void }>();
  readonly #dropping = new Map<number, () => void>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor() {
    // `tsc` rewrites the extension of an import and not that of a URL.
    this.#worker = new Worker(new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url));
    this.#worker.on('message', (reply: HashReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => this.#fail(error));
  }

  /** Begins a file of `size` bytes. */
  open(fd: number, size: number, stated: StatedHash): FileHash {
    if (size <= inlineBytes) return hashInline(fd, size, stated);
    this.#lastId += 1;
    const id = this.#lastId;
    this.#send({ type: 'open', id, fd, algorithm: stated.algorithm, prefix: stated.prefix });
    return {
      advance: (to) => this.#send({ type: 'advance', id, to }),
      finish: () => this.#finish(id, size),
      drop: () => this.#drop(id),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #finish(id: number, size: number): Promise<string> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ type: 'advance', id, to: size });
      this.#send({ type: 'finish', id, size });
    });
  }

  #drop(id: number): Promise<void> {
    this.#waiting.delete(id);
    if (this.#failure) return Promise.resolve();
    return new Promise((resolve) => {
      this.#dropping.set(id, resolve);
      this.#send({ type: 'drop', id });
    });
  }

  #send(request: HashRequest): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that rule is about windows
    this.#worker.postMessage(request);
  }

  #onReply(reply: HashReply): void {
    if (reply.type === 'dropped') {
      this.#dropping.get(reply.id)?.();
      this.#dropping.delete(reply.id);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === 'digest') waiting?.resolve(reply.digest);
    else waiting?.reject(new Error(reply.message));
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    for (const dropped of this.#dropping.values()) dropped();
    this.#waiting.clear();
    this.#dropping.clear();
  }
}

/** The digest of a whole file, in hex. */
export function hashBytes(bytes: Buffer, { algorithm, prefix }: StatedHash): string {
  return hash(algorithm, Buffer.concat([Buffer.from(prefix), bytes]));
}

function hashInline(fd: number, size: number, stated: StatedHash): FileHash {
  return {
    advance: () => undefined,
    finish: async () => {
      const bytes = Buffer.allocUnsafe(size);
      if (readSync(fd, bytes, 0, size, 0) < size) throw new Error(`the file has less than ${size} bytes`);
      return hashBytes(bytes, stated);
    },
    drop: () => Promise.resolve(),
  };
}

/** The hash of one file that is still being written. */
export interface FileHash {
  /** Everything before `to` has been written. */
  advance(to: number): void;
  /** The digest, in hex, once all bytes are hashed. */
  finish(): Promise<string>;
  /** Stops; only after it resolves may the descriptor be closed. */
  drop(): Promise<void>;
}

export interface StatedHash {
  algorithm: 'sha256' | 'sha1';
  /** Hashed before the first byte. */
  prefix: string;
  /** In hex. */
  digest: string;
}

/** Which hash the Hub states for the file; none where it states only the length. */
export function statedHash(file: PullFile): StatedHash | undefined {
  if (file.sha256 !== undefined) return { algorithm: 'sha256', prefix: '', digest: file.sha256.toLowerCase() };
  if (file.blob_id === undefined) return undefined;
  return { algorithm: 'sha1', prefix: `blob ${file.size}\0`, digest: file.blob_id.toLowerCase() };
}
