import { lstatSync } from 'node:fs';
import { systemErrorCode } from './system-error.ts';

const missing: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * For `catch`: undefined if the file or folder is not there. Every other error is thrown again. A file that cannot be
 * opened now, because descriptors are used up or a disk fails, is not absent.
 */
export function absentIfMissing(thrown: unknown): undefined {
  if (!missing.has(systemErrorCode(thrown))) throw thrown;
}

/** Whether there is something at the path. Throws if that cannot be known. */
export function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (thrown) {
    absentIfMissing(thrown);
    return false;
  }
}
