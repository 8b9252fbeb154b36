import { open } from 'node:fs/promises';
import { absentIfMissing } from '../../base/absent.ts';

const tailBytes = 256 * 1024;

/** The last lines of a file, from at most its last 256 KiB. A file that does not exist has none. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  const file = await open(path, 'r').catch(absentIfMissing);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.slice(-count);
  } finally {
    await file.close();
  }
}

/** The lines from a byte on, from at most the last 256 KiB. */
export async function linesFrom(path: string, start: number): Promise<string[]> {
  const file = await open(path, 'r').catch(absentIfMissing);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - tailBytes, 0);
    const length = Math.max(size - from, 0);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.subarray(0, bytesRead).toString('utf8').split('\n');
  } finally {
    await file.close();
  }
}
