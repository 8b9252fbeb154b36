import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../../base/format.ts';
import { PullFailure } from '../failure.ts';
import type { PullManifest } from '../manifest.ts';
import { fileKey, statePaths } from './paths.ts';

/**
 * Free bytes for an ordinary user. Undefined if the file system does not say: some network file systems report zeros.
 */
export async function freeBytes(path: string): Promise<number | undefined> {
  const answer = await statfs(path).catch(() => undefined);
  if (!answer || answer.blocks === 0) return undefined;
  return answer.bavail * answer.bsize;
}

/** Throws `no_space` if the remaining bytes do not fit. */
export async function requireSpace(path: string, remaining: number): Promise<void> {
  const free = await freeBytes(path);
  if (free === undefined || free >= remaining) return;
  throw shortOf(remaining, free);
}

/**
 * Adds the missing bytes to a `no_space` failure. It counts the files on disk, because bytes in memory are lost when a
 * write fails.
 */
export async function withMissing(failure: PullFailure, target: string, manifest: PullManifest): Promise<PullFailure> {
  if (failure.code !== 'no_space' || failure.missingBytes !== undefined) return failure;
  const remaining = Math.max(await bytesLeft(target, manifest), stateBytes);
  const free = await freeBytes(target);
  // With a quota, or without free inodes, a write fails although bytes are free. They cannot be used.
  const usable = free === undefined || free >= remaining ? 0 : free;
  return shortOf(remaining, usable, failure);
}

/** The most space that EcoLink's own state needs when all files are complete. */
const stateBytes = 1024 ** 2;

function shortOf(remaining: number, free: number, cause?: Error): PullFailure {
  const missing = remaining - free;
  const message = `The volume lacks ${formatBytes(missing)}: the download still needs ${formatBytes(remaining)}, and ${formatBytes(free)} are free.`;
  return new PullFailure('no_space', message, { missingBytes: missing, cause });
}

async function bytesLeft(target: string, manifest: PullManifest): Promise<number> {
  const { parts } = statePaths(target);
  const names = await readdir(parts).catch((): string[] => []);
  const left = manifest.files.map(async (file) => {
    const published = await stat(join(target, file.path)).catch(() => undefined);
    if (published?.size === file.size) return 0;
    const part = names.find((name) => name.startsWith(`${fileKey(file)}@`));
    const partStat = part === undefined ? undefined : await stat(join(parts, part)).catch(() => undefined);
    // Parts are sparse, so their length says nothing.
    return Math.max(0, file.size - (partStat?.blocks ?? 0) * 512);
  });
  return (await Promise.all(left)).reduce((sum, bytes) => sum + bytes, 0);
}
