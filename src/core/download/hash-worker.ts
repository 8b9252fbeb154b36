import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/** What the hasher asks of this thread. File descriptors are the process's own, so they mean the same file here. */
export type HashRequest =
  | { type: 'open'; id: number; fd: number; algorithm: 'sha256' | 'sha1'; prefix: string }
  | { type: 'advance'; id: number; to: number }
  | { type: 'finish'; id: number; size: number }
  | { type: 'drop'; id: number };

export type HashReply =
  | { type: 'digest'; id: number; digest: string }
  | { type: 'error'; id: number; message: string }
  | { type: 'dropped'; id: number };

interface Running {
  hash: Hash;
  fd: number;
  at: number;
  to: number;
  size: number | undefined;
}

const port = parentPort;
const running = new Map<number, Running>();
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
/** Between slices messages are taken, so that a file can be dropped while gigabytes of it are waiting. */
const sliceBytes = 8 * 1024 * 1024;
let scheduled = false;

port?.on('message', (request: HashRequest) => {
  if (request.type === 'open') {
    const hash = createHash(request.algorithm).update(request.prefix);
    running.set(request.id, { hash, fd: request.fd, at: 0, to: 0, size: undefined });
    return;
  }
  const file = running.get(request.id);
  if (request.type === 'drop') {
    running.delete(request.id);
    reply({ type: 'dropped', id: request.id });
    return;
  }
  if (!file) return;
  if (request.type === 'advance') file.to = Math.max(file.to, request.to);
  if (request.type === 'finish') file.size = request.size;
  schedule();
});

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    for (const [id, file] of running) step(id, file);
    if ([...running.values()].some((file) => file.at < file.to)) schedule();
  });
}

function step(id: number, file: Running): void {
  try {
    hashSlice(file);
  } catch (error) {
    running.delete(id);
    reply({ type: 'error', id, message: (error as Error).message });
    return;
  }
  if (file.at !== file.size) return;
  running.delete(id);
  reply({ type: 'digest', id, digest: file.hash.digest('hex') });
}

function hashSlice(file: Running): void {
  const end = Math.min(file.to, file.at + sliceBytes);
  while (file.at < end) {
    const read = readSync(file.fd, buffer, 0, Math.min(buffer.length, end - file.at), file.at);
    if (read === 0) throw new Error(`the file ends at ${file.at} instead of ${file.to}`);
    file.hash.update(read === buffer.length ? buffer : buffer.subarray(0, read));
    file.at += read;
  }
}

function reply(message: HashReply): void {
  port?.postMessage(message);
}
