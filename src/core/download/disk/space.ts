import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../../base/format.ts';
import { PullFailure } from '../failure.ts';
import type { PullManifest } from '../manifest.ts';
import { fileKey, statePaths } from './paths.ts';

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
  throw shortOf(remaining, free);
}

/**
 * A write that found no room, with how much is missing. The disk is asked, not the memory of the run: what was in flight when
 * the write failed is lost.
 */
export async function withMissing(failure: PullFailure, target: string, manifest: PullManifest): Promise<PullFailure> {
  if (failure.code !== 'no_space' || failure.missingBytes !== undefined) return failure;
  const remaining = Math.max(await bytesLeft(target, manifest), notesBytes);
  const free = await freeBytes(target);
  // A quota, or a file system that is out of inodes, refuses though bytes are free: none of them count.
  const usable = free === undefined || free >= remaining ? 0 : free;
  return shortOf(remaining, usable, failure);
}

/** What EcoLink keeps beside the files needs no more than this, when they are all there. */
const notesBytes = 1024 ** 2;

function shortOf(remaining: number, free: number, cause?: Error): PullFailure {
  const missing = remaining - free;
  const message = `The volume is short of ${formatBytes(missing)}: ${formatBytes(remaining)} are still to be written and ${formatBytes(free)} are free.`;
  return new PullFailure('no_space', message, { missingBytes: missing, cause });
}

async function bytesLeft(target: string, manifest: PullManifest): Promise<number> {
  const { parts } = statePaths(target);
  const names = await readdir(parts).catch(() => [] as string[]);
  const left = manifest.files.map(async (file) => {
    const published = await stat(join(target, file.path)).catch(() => undefined);
    if (published?.size === file.size) return 0;
    const part = names.find((name) => name.startsWith(`${fileKey(file)}@`));
    const held = part === undefined ? undefined : await stat(join(parts, part)).catch(() => undefined);
    // Parts are sparse: their length says nothing.
    return Math.max(0, file.size - (held?.blocks ?? 0) * 512);
  });
  return (await Promise.all(left)).reduce((sum, bytes) => sum + bytes, 0);
}
