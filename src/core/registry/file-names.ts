import type { PullFile } from '../base/pull-file.ts';
import { stateFolder } from '../download/manifest.ts';
import { fail } from '../base/errors.ts';

/** The limit of ext4, XFS and NFS, in bytes. */
const longestSegment = 255;
const longestPath = 1024;
const shownCharacters = 80;

/** Refuses names that cannot be written to disk, before anything is fetched. Throws `bad_file_name`. */
export function checkFileNames(files: readonly { path: string }[]): void {
  for (const { path } of files) {
    const problem = problemOf(path);
    if (problem !== undefined) throw badName(path, problem);
  }
}

function problemOf(path: string): string | undefined {
  const segments = path.split('/');
  if (path.startsWith('/')) return 'is absolute';
  if (segments.includes('..') || segments.includes('.') || segments.includes('')) return 'is not a plain path';
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(path)) return 'holds control characters';
  if (path.includes('\\')) return 'holds a backslash';
  // The disk would get another name, and two such names could be one.
  if (!path.isWellFormed()) return 'is no valid Unicode';
  if (segments.some((segment) => Buffer.byteLength(segment) > longestSegment))
    return `has a part of more than ${longestSegment} bytes`;
  if (Buffer.byteLength(path) > longestPath) return `has more than ${longestPath} bytes`;
  return segments[0] === stateFolder ? 'is where EcoLink keeps its own state' : undefined;
}

/**
 * Refuses names that differ in case only: on some filesystems one file would overwrite the other. Refuses a file and a
 * folder of the same name. Throws `bad_file_name`.
 */
export function checkCollisions(files: readonly PullFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const key = keyOf(path);
    const other = seen.get(key);
    if (other !== undefined) throw badName(path, `differs from ${shorten(other)} in case only`);
    seen.set(key, path);
  }
  for (const path of seen.values()) {
    const parents = path
      .split('/')
      .slice(0, -1)
      .map((_, at, all) => all.slice(0, at + 1).join('/'));
    const file = parents.find((parent) => seen.has(keyOf(parent)));
    if (file !== undefined) throw badName(path, `lies below ${shorten(file)}, which is a file`);
  }
}

function keyOf(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

function badName(path: string, problem: string): Error {
  return fail('bad_file_name', `A file cannot be written to disk: ${shorten(path)} ${problem}.`, {
    nextStep: 'Rename it at its source, or leave it out with exclude if the problem is a clash of two names.',
  });
}

function shorten(path: string): string {
  const shown = Array.from(path).slice(0, shownCharacters).join('');
  return JSON.stringify(shown.length < path.length ? `${shown}…` : path);
}
