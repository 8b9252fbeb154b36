import { createCipheriv, createHash } from 'node:crypto';
import { bufferContent, type HubContent } from '../../../src/quickstart/hub-repo.ts';

/** A file of a test: its text, its bytes, or a size that is filled with bytes that the seed decides. */
export type FileSource = string | Buffer | { size: number; seed: number | string };

const blockBytes = 256 * 1024;
const poolBytes = 8 * 1024 * 1024;

export function contentOf(source: FileSource): HubContent {
  if (typeof source === 'string') return bufferContent(Buffer.from(source));
  if (Buffer.isBuffer(source)) return bufferContent(source);
  return seededContent(source.size, String(source.seed));
}

/** The bytes of a seeded file, all of them: for comparing small ones. */
export function bytesOf(source: FileSource): Buffer {
  const content = contentOf(source);
  return Buffer.concat([...content.chunks(0, content.size)]);
}

/**
 * Blocks are views into one random pool at a place that the block's number decides: no copy, no memory, as fast as the
 * socket takes it, and a block in the wrong place still changes the hash.
 */
function seededContent(size: number, seed: string): HubContent {
  const pool = randomPool(seed);
  return {
    size,
    *chunks(start, end) {
      for (let at = start; at < end;) {
        const block = Math.floor(at / blockBytes);
        const within = at - block * blockBytes;
        const length = Math.min(blockBytes - within, end - at);
        const from = placeOf(block) + within;
        yield pool.subarray(from, from + length);
        at += length;
      }
    },
  };
}

function placeOf(block: number): number {
  return (Math.imul(block + 1, 2_654_435_761) >>> 0) % (poolBytes - blockBytes);
}

const pools = new Map<string, Buffer>();

function randomPool(seed: string): Buffer {
  const known = pools.get(seed);
  if (known) return known;
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const pool = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(poolBytes));
  pools.set(seed, pool);
  return pool;
}
