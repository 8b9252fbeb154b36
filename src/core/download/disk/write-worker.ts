import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { systemErrorCode } from '../../base/system-error.ts';
import { asError } from '../failure.ts';
import type { Message, Reply } from './thread.ts';

/** A request from the writer. File descriptors belong to the process, so they are valid in this thread. */
export interface WriteRequest {
  fd: number;
  batch: readonly Uint8Array[];
  at: number;
}

/**
 * The page cache uses pages as large as a write. The kernel has free pages of this size. In a virtual machine, larger
 * ones are often memory that it has returned to its host, which is slow to get back.
 */
const pieceBytes = 32 * 1024;

const port = parentPort;

port?.on('message', ({ ask = 0, fd, batch, at }: Message<WriteRequest>) => {
  port.postMessage(answer(ask, () => writeAll(fd, batch, at)));
});

function answer(ask: number, work: () => void): Reply<undefined> {
  try {
    work();
    return { ask, answer: undefined };
  } catch (error) {
    return { ask, error: { message: asError(error).message, code: systemErrorCode(error) } };
  }
}

/** One call may write less than its input. */
function writeAll(fd: number, batch: readonly Uint8Array[], at: number): void {
  let to = at;
  for (const bytes of batch) {
    for (let from = 0; from < bytes.length;) {
      const written = writeSync(fd, bytes, from, Math.min(pieceBytes, bytes.length - from), to);
      from += written;
      to += written;
    }
  }
}
