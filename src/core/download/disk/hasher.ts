import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { HashRequest } from './hash-worker.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { Thread } from './thread.ts';

/** Up to this size a file is hashed where it is asked for: messages to another thread would cost more than its hash. */
const inlineBytes = 64 * 1024;

/** A file is hashed by one thread, which is slower than a network where processors have no instruction for it: several files by several. */
const mostThreads = 4;

/**
 * Hashes files in other threads, behind the bytes as they become complete: it reads what was just written from the page
 * cache, so connections may fill a file in any order, and memory does not grow with it.
 */
export class Hasher implements AsyncDisposable {
  readonly #lanes: Lane[] = [];
  #lastId = 0;

  /** Begins a file of `size` bytes. */
  open(fd: number, size: number, stated: StatedHash): FileHash {
    if (size <= inlineBytes) return hashInline(fd, size, stated);
    const id = ++this.#lastId;
    const lane = this.#freest();
    lane.files.add(id);
    const { thread } = lane;
    thread.tell({ type: 'open', id, fd, algorithm: stated.algorithm, prefix: stated.prefix });
    const ended = <T>(answer: T): T => {
      lane.files.delete(id);
      return answer;
    };
    return {
      advance: (to) => thread.tell({ type: 'advance', id, to }),
      finish: () => thread.ask({ type: 'finish', id, size }).then(ended),
      drop: async () => {
        // A thread that ended reads no file.
        await thread.ask({ type: 'drop', id }).then(ended, () => undefined);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map(({ thread }) => thread[Symbol.asyncDispose]()));
  }

  /** The one with the fewest files; another one where all have some. */
  #freest(): Lane {
    const [freest] = this.#lanes.toSorted((a, b) => a.files.size - b.files.size);
    const isFull = this.#lanes.length >= Math.min(mostThreads, availableParallelism());
    if (freest && (freest.files.size === 0 || isFull)) return freest;
    const entry = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
    const lane = { thread: new Thread<HashRequest, string>(entry), files: new Set<number>() };
    this.#lanes.push(lane);
    return lane;
  }
}

interface Lane {
  thread: Thread<HashRequest, string>;
  files: Set<number>;
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
