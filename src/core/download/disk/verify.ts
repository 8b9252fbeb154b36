import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { readCompletion } from './completion.ts';
import { Hasher, statedHash } from './hasher.ts';
import type { PullFile } from '../../base/pull-file.ts';

export interface Mismatch {
  path: string;
  problem: 'missing' | 'size' | 'hash' | 'incomplete';
}

const words = {
  missing: 'is missing',
  size: 'has the wrong length',
  hash: 'does not match the hash of the Hub',
  incomplete: 'the volume is not complete',
};

/** The mismatch in a few words, without a full stop. */
export function describeMismatch({ path, problem }: Mismatch): string {
  return `${path} ${words[problem]}`.trimStart();
}

/** Checks the hashes of a whole tree against its completion manifest. Without one, the result is `incomplete`. */
export async function verifyTree(target: string): Promise<{ ok: boolean; mismatches: Mismatch[] }> {
  const completion = await readCompletion(target);
  if (!completion) return { ok: false, mismatches: [{ path: '', problem: 'incomplete' }] };
  await using hasher = new Hasher();
  const mismatches: Mismatch[] = [];
  for (const file of completion.files) {
    const problem = await checkFile(join(target, file.path), file, hasher);
    if (problem) mismatches.push({ path: file.path, problem });
  }
  return { ok: mismatches.length === 0, mismatches };
}

/** The problem of a file. Undefined if the file is right. */
export async function checkFile(
  path: string,
  file: PullFile,
  hasher: Hasher,
): Promise<Mismatch['problem'] | undefined> {
  const found = await lstat(path).catch(absentIfMissing);
  if (!found?.isFile()) return 'missing';
  if (found.size !== file.size) return 'size';
  const stated = statedHash(file);
  if (!stated) return undefined;
  const handle = await open(path, 'r');
  try {
    const digest = await hasher.open(handle.fd, file.size, stated).finish();
    return digest === stated.digest ? undefined : 'hash';
  } finally {
    await handle.close();
  }
}
