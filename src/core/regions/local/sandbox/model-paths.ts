import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isInside } from './inside.ts';

/**
 * The model's folder, and the files elsewhere in its root that links in the folder lead to, as in a cache of the Hub. A link
 * that leads out of the root stays broken for the engine. A folder of a volume has no links.
 */
export async function modelPaths(root: string, folder: string): Promise<string[]> {
  const [realRoot, realFolder] = await Promise.all([realpath(root), realpath(folder)]);
  const entries = await readdir(realFolder, { recursive: true, withFileTypes: true });
  const targets = await Promise.all(
    entries.filter((entry) => entry.isSymbolicLink()).map((entry) => targetOf(join(entry.parentPath, entry.name))),
  );
  const outside = targets.filter(
    (path) => path !== undefined && isInside(realRoot, path) && !isInside(realFolder, path),
  );
  return [...new Set([folder, realFolder, ...outside.filter((path) => path !== undefined)])];
}

async function targetOf(link: string): Promise<string | undefined> {
  try {
    return await realpath(link);
  } catch {
    // A broken link is no file that the engine could read.
    return undefined;
  }
}
