import { statfs } from 'node:fs/promises';
import { PullFailure } from './failure.ts';

/** Free bytes for an ordinary user; undefined where the file system does not say (some network file systems answer with zeros). */
export async function freeBytes(path: string): Promise<number | undefined> {
  const answer = await statfs(path).catch(() => undefined);
  if (!answer || answer.blocks === 0) return undefined;
  return answer.bavail * answer.bsize;
}

/** Throws `no_space` where what is left to fetch cannot fit. */
export async function requireSpace(path: string, remaining: number): Promise<void> {
  const free = await freeBytes(path);
  if (free === undefined || free >= remaining) return;
  const missing = remaining - free;
  const message = `The volume is short of ${gib(missing)}: ${gib(remaining)} are still to be written and ${gib(free)} are free.`;
  throw new PullFailure('no_space', message, { missingBytes: missing });
}

function gib(bytes: number): string {
  if (bytes < 1024 ** 3) return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  return `${(Math.ceil((bytes / 1024 ** 3) * 10) / 10).toFixed(1)} GiB`;
}
