import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { HashRequest } from './hash-worker.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { Thread } from './thread.ts';

/**
 * Files up to this size are hashed in the calling thread. Messages to another thread would take longer than the hash.
 */
const inlineBytes = 64 * 1024;

/**
 * One thread hashes one file. Without SHA instructions that is slower than a network, so several threads hash several
 * files.
 */
const mostThreads = 4;

/**
 * Hashes files in other threads while they are downloaded. It reads the bytes back from the page cache. So connections
 * may write a file in any order, and a larger file needs no more memory.
 */
export class Hasher implements AsyncDisposable {
  readonly #lanes: Lane[] = [];
  #lastId = 0;

  /** Starts the hash of a file of `size` bytes. */
  open(fd: number, size: number, stated: StatedHash): FileHash {
    if (size <= inlineBytes) return hashInline(fd, size, stated);
    const id = ++this.#lastId;
    const lane = this.#leastBusy();
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
        // An error means that the thread has ended. Then it reads no file.
        await thread.ask({ type: 'drop', id }).then(ended, () => undefined);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map(({ thread }) => thread[Symbol.asyncDispose]()));
  }

  /** The thread with the fewest files. A new one if all are busy and the limit allows it. */
  #leastBusy(): Lane {
    const [leastBusy] = this.#lanes.toSorted((a, b) => a.files.size - b.files.size);
    const isFull = this.#lanes.length >= Math.min(mostThreads, availableParallelism());
    if (leastBusy && (leastBusy.files.size === 0 || isFull)) return leastBusy;
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
      if (readSync(fd, bytes, 0, size, 0) < size) throw new Error(`The file has less than ${size} bytes.`);
      return hashBytes(bytes, stated);
    },
    drop: () => Promise.resolve(),
  };
}

/** The hash of one file that may still be written. */
export interface FileHash {
  /** Call when all bytes before `to` are written. */
  advance(to: number): void;
  /** The digest of all bytes, in hex. */
  finish(): Promise<string>;
  /** Stops the hash. Do not close the descriptor before it resolves. */
  drop(): Promise<void>;
}

export interface StatedHash {
  algorithm: 'sha256' | 'sha1';
  /** Hashed before the first byte. */
  prefix: string;
  /** In hex. */
  digest: string;
}

/** The hash that the Hub states for the file. Undefined if it states only the length. */
export function statedHash(file: PullFile): StatedHash | undefined {
  if (file.sha256 !== undefined) return { algorithm: 'sha256', prefix: '', digest: file.sha256.toLowerCase() };
  if (file.blob_id === undefined) return undefined;
  return { algorithm: 'sha1', prefix: `blob ${file.size}\0`, digest: file.blob_id.toLowerCase() };
}
