import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { contentKey } from '../../base/pull-file.ts';
import { completionFile, stateFolder } from '../manifest.ts';
import type { PullManifest } from '../manifest.ts';
import { readCompletion } from './completion.ts';
import { syncFolder, writeDurably } from './durable.ts';
import { fileKey, statePaths } from './paths.ts';

const aside = join(stateFolder, 'cloned');
const adoptedFile = join(stateFolder, 'adopted');

/**
 * Turns a target that the storage cloned from another volume into an empty target with a donor. The other volume's tree
 * moves into `.ecolink/cloned`, and files that the manifest does not need are deleted. So the cloned files pass the same
 * checks as those of any donor: the Hub is asked, and every byte is hashed. Returns the donor's tree.
 *
 * A killed run continues here. The marker names the manifest, because the other volume may have been a clone too.
 */
export async function adoptClone(target: string, manifest: PullManifest): Promise<string> {
  const tree = join(target, aside);
  const identity = identityOf(manifest);
  const marker = join(target, adoptedFile);
  if ((await readFile(marker, 'utf8').catch(absentIfMissing)) === identity) return tree;
  await mkdir(join(tree, stateFolder), { recursive: true });
  for (const entry of await readdir(target))
    if (entry !== stateFolder && entry !== 'lost+found') await rename(join(target, entry), join(tree, entry));
  await rename(join(target, completionFile), join(tree, completionFile)).catch(absentIfMissing);
  // These belong to the other volume's downloads. Its attempts may have higher numbers than ours.
  const { attempts, parts, journals } = statePaths(target);
  for (const folder of [attempts, parts, journals]) await rm(folder, { recursive: true, force: true });
  await keepOnlyEqual(tree, manifest);
  for (const folder of [tree, join(tree, stateFolder), target]) await syncFolder(folder);
  await writeDurably(marker, identity);
  return tree;
}

/** Deletes what is left of the other volume. */
export async function dropClone(target: string): Promise<void> {
  await rm(join(target, aside), { recursive: true, force: true });
}

/** The new files need the space of the files that no longer belong here. */
async function keepOnlyEqual(tree: string, manifest: PullManifest): Promise<void> {
  const wanted = new Set(manifest.files.flatMap((file) => contentKey(file) ?? []));
  const own = (await readCompletion(tree).catch(() => undefined))?.files ?? [];
  const kept = new Set(own.filter((file) => wanted.has(contentKey(file) ?? '')).map(({ path }) => path));
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name).slice(tree.length + 1);
    if (entry.isDirectory() || dirname(path) === stateFolder || kept.has(path)) continue;
    await rm(join(tree, path), { force: true });
  }
}

function identityOf(manifest: PullManifest): string {
  const files = manifest.files.map(fileKey).toSorted();
  return createHash('sha256')
    .update([manifest.endpoint, manifest.repo, manifest.commit, ...files].join('\0'))
    .digest('hex');
}
