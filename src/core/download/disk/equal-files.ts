import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { contentKey } from '../../base/pull-file.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { readCompletion } from './completion.ts';

/** A file of another volume with the same length and sha256, as the completion manifest there states. */
export interface EqualFile {
  path: string;
  /** It is on the target's file system, so it can be linked and needs no space. */
  linkable: boolean;
}

/**
 * Looks for files of equal content in the trees of complete volumes. A tree that is incomplete, or that is gone, has none.
 * The manifest may be wrong by now: whoever takes a file must verify it.
 */
export async function findEqualFiles(
  target: string,
  files: readonly PullFile[],
  trees: readonly string[],
): Promise<ReadonlyMap<PullFile, EqualFile[]>> {
  const wanted = Map.groupBy(files, (file) => contentKey(file));
  const found = new Map<PullFile, EqualFile[]>();
  const device = await deviceOf(target);
  for (const tree of trees) {
    const linkable = device !== undefined && (await deviceOf(tree)) === device;
    for (const file of (await readCompletion(tree).catch(() => undefined))?.files ?? []) {
      const key = contentKey(file);
      for (const equal of (key === undefined ? undefined : wanted.get(key)) ?? [])
        found.set(equal, [...(found.get(equal) ?? []), { path: join(tree, file.path), linkable }]);
    }
  }
  return found;
}

async function deviceOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ dev }) => dev,
    () => undefined,
  );
}
