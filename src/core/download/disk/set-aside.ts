import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { contentKey } from '../../base/pull-file.ts';
import { completionFile, stateFolder } from '../manifest.ts';
import type { CompletionManifest, PullManifest } from '../manifest.ts';
import { readCompletion } from './completion.ts';
import { syncFolder } from './durable.ts';
import type { Fence } from './fence.ts';
import { fileKey, statePaths } from './paths.ts';

/** True if the target is a clone of another volume: it is complete, but for another manifest. */
export async function isClone(target: string, manifest: PullManifest): Promise<boolean> {
  const completion = await readCompletion(target);
  return completion !== undefined && !isFor(completion, manifest);
}

function isFor({ repo, commit, files }: CompletionManifest, manifest: PullManifest): boolean {
  if (repo !== manifest.repo || commit !== manifest.commit || files.length !== manifest.files.length) return false;
  const keys = new Set(files.map(fileKey));
  return manifest.files.every((file) => keys.has(fileKey(file)));
}

/**
 * Moves the files of a cloned volume into a folder of their own, as a tree that this download may take files from. So each
 * file passes the same checks as one of another volume. Files that nobody needs are deleted, because the space is. The
 * tree's completion manifest moves last: after a crash the next run continues. Returns the tree; undefined if the target
 * is no clone.
 */
export async function setAside(target: string, manifest: PullManifest, fence: Fence): Promise<string | undefined> {
  const { cloned } = statePaths(target);
  const completion = await readCompletion(target);
  if (completion && !isFor(completion, manifest)) {
    await mkdir(join(cloned, stateFolder), { recursive: true });
    await dropUnneeded(target, completion, manifest, fence);
    for (const entry of await readdir(target)) {
      if (entry === stateFolder) continue;
      fence.check();
      await rename(join(target, entry), join(cloned, entry)).catch(absentIfMissing);
    }
    // They belong to the other volume's download.
    for (const folder of [statePaths(target).parts, statePaths(target).journals])
      await rm(folder, { recursive: true, force: true });
    await syncFolder(cloned);
    fence.check();
    await rename(join(target, completionFile), join(cloned, completionFile));
    await syncFolder(dirname(join(target, completionFile)));
  }
  return (await readCompletion(cloned)) && cloned;
}

async function dropUnneeded(
  target: string,
  { files }: CompletionManifest,
  manifest: PullManifest,
  fence: Fence,
): Promise<void> {
  const wanted = new Set(manifest.files.flatMap((file) => contentKey(file) ?? []));
  for (const file of files) {
    const key = contentKey(file);
    if (key !== undefined && wanted.has(key)) continue;
    fence.check();
    await rm(join(target, file.path), { force: true });
  }
}
