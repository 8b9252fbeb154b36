import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { asError } from '../failure.ts';
import type { Message, Reply } from './thread.ts';

/**
 * Messages from the hasher. Only `finish` (with the digest in hex) and `drop` get a reply. File descriptors belong to
 * the process, so they are valid in this thread.
 */
export type HashRequest =
  | { type: 'open'; id: number; fd: number; algorithm: 'sha256' | 'sha1'; prefix: string }
  | { type: 'advance'; id: number; to: number }
  | { type: 'finish'; id: number; size: number }
  | { type: 'drop'; id: number };

interface Running {
  hash: Hash;
  fd: number;
  at: number;
  to: number;
  size: number | undefined;
  /** The number of the `finish` request, after it came. */
  asked: number | undefined;
  failure: string | undefined;
}

const port = parentPort;
const running = new Map<number, Running>();
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
/** Messages are handled between slices, so that a file can be dropped while gigabytes are left to hash. */
const sliceBytes = 8 * 1024 * 1024;
let scheduled = false;

port?.on('message', (request: Message<HashRequest>) => {
  const { ask = 0 } = request;
  if (request.type === 'open') {
    const hash = createHash(request.algorithm).update(request.prefix);
    running.set(request.id, {
      hash,
      fd: request.fd,
      at: 0,
      to: 0,
      size: undefined,
      asked: undefined,
      failure: undefined,
    });
    return;
  }
  const file = running.get(request.id);
  if (request.type === 'drop') {
    running.delete(request.id);
    reply({ ask, answer: '' });
    return;
  }
  if (!file) return;
  if (request.type === 'advance') file.to = Math.max(file.to, request.to);
  if (request.type === 'finish') {
    file.to = request.size;
    file.size = request.size;
    file.asked = ask;
  }
  schedule();
});

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    for (const [id, file] of running) step(id, file);
    if ([...running.values()].some(({ at, to, failure }) => at < to && failure === undefined)) schedule();
  });
}

function step(id: number, file: Running): void {
  try {
    hashSlice(file);
  } catch (error) {
    file.failure = asError(error).message;
  }
  const { asked, failure } = file;
  if (asked === undefined || (failure === undefined && file.at !== file.size)) return;
  running.delete(id);
  if (failure === undefined) reply({ ask: asked, answer: file.hash.digest('hex') });
  else reply({ ask: asked, error: { message: failure } });
}

function hashSlice(file: Running): void {
  if (file.failure !== undefined) return;
  const end = Math.min(file.to, file.at + sliceBytes);
  while (file.at < end) {
    const read = readSync(file.fd, buffer, 0, Math.min(buffer.length, end - file.at), file.at);
    if (read === 0) throw new Error(`The file ends at byte ${file.at} instead of ${file.to}.`);
    file.hash.update(read === buffer.length ? buffer : buffer.subarray(0, read));
    file.at += read;
  }
}

function reply(message: Reply<string>): void {
  port?.postMessage(message);
}
