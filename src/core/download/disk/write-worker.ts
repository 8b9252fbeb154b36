import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Message, Reply } from './thread.ts';

/** What the writer asks of this thread. File descriptors are the process's own, so they mean the same file here. */
export interface WriteRequest {
  fd: number;
  batch: readonly Uint8Array[];
  at: number;
}

/**
 * The page cache takes pieces as large as a write. Those of this size come from what the kernel has at hand; larger ones are, in a virtual
 * machine, the memory that it gave back to its host.
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
    const { message, code } = error as NodeJS.ErrnoException;
    return { ask, error: { message, ...(code === undefined ? {} : { code }) } };
  }
}

/** A call may write less than it was given. */
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
