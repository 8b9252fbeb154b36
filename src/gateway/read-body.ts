import type { IncomingMessage } from 'node:http';
import { fail } from '../core/base/errors.ts';
import type { HeldBody } from './held-bytes.ts';
import { watchUpload } from './upload-progress.ts';

export interface ReadBodyOptions {
  limitBytes: number;
  held: HeldBody;
  /** How long the body may fall silent, in milliseconds. */
  progressMs: number;
  /** Sees every piece as it arrives, so that long work on a body is done in small steps. What it throws ends the reading. */
  onPiece: (piece: Buffer) => void;
}

const firstBlockBytes = 4096;
const blockBytes = 64 * 1024;

/**
 * Reads the whole body into blocks. It copies the pieces: a body can arrive byte by byte, and each piece is an object of its
 * own. Throws `body_too_large`, `request_too_slow`, `too_many_bytes`, `server_full`, and what `onPiece` throws.
 */
export function readBody(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer[]> {
  const { limitBytes, held, progressMs, onPiece } = options;
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    const blocks = createBlocks(held, declared);
    const progress = watchUpload(request, progressMs, (error) => stop(error));
    const stop = (error: unknown): void => {
      progress[Symbol.dispose]();
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      // The rest of a refused body is dropped as it arrives.
      request.resume();
      reject(error);
    };
    const onData = (piece: Buffer): void => {
      progress.saw(piece.length);
      try {
        if (blocks.length() + piece.length > limitBytes) throw tooLarge(limitBytes);
        onPiece(piece);
        blocks.add(piece);
      } catch (thrown) {
        stop(thrown);
      }
    };
    const onEnd = (): void => {
      progress[Symbol.dispose]();
      request.off('close', onClose);
      resolve(blocks.all());
    };
    const onClose = (): void => stop(new Error('The caller closed the connection before the end of the body.'));
    request.on('error', () => {});
    request.on('data', onData).once('end', onEnd).once('close', onClose);
  });
}

function createBlocks(held: HeldBody, declared: number) {
  const full: Buffer[] = [];
  let block = Buffer.alloc(0);
  let used = 0;
  let length = 0;
  const begin = (needed: number): void => {
    if (used > 0) full.push(block);
    const size = Math.min(blockBytes, Math.max(firstBlockBytes, length, declared - length, needed));
    held.add(size);
    block = Buffer.allocUnsafeSlow(size);
    used = 0;
  };
  return {
    length: () => length,
    add(piece: Buffer): void {
      // The usual case: the whole body is one piece, which needs no copy.
      if (length === 0 && piece.length === declared) {
        held.add(declared);
        length = declared;
        return void full.push(piece);
      }
      for (let at = 0; at < piece.length;) {
        if (used === block.length) begin(piece.length - at);
        const copied = piece.copy(block, used, at);
        at += copied;
        used += copied;
        length += copied;
      }
    },
    all: () => (used > 0 ? [...full, block.subarray(0, used)] : full),
  };
}

function tooLarge(limitBytes: number): Error {
  const limit = Math.round(limitBytes / 1024 ** 2);
  return fail('body_too_large', `The body is larger than ${limit} MiB.`, { nextStep: 'Send less in each call.' });
}
