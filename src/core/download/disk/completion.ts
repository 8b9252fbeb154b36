import { lstat, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeDurably } from './durable.ts';
import { fileKey, statePaths } from './paths.ts';
import { completionFile, completionManifest, type CompletionManifest, type PullManifest } from '../manifest.ts';

/** The completion manifest of a target; undefined where the tree is not complete. */
export async function readCompletion(target: string): Promise<CompletionManifest | undefined> {
  const text = await readFile(join(target, completionFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
    throw error;
  });
  if (text === '') return undefined;
  const parsed = completionManifest.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

/** The cheap check of a complete tree: made from this manifest, and every file there with its length. */
export async function isComplete(target: string, manifest: PullManifest): Promise<boolean> {
  const completion = await readCompletion(target);
  if (!completion || completion.repo !== manifest.repo || completion.commit !== manifest.commit) return false;
  const keys = new Set(completion.files.map(fileKey));
  if (keys.size !== manifest.files.length || !manifest.files.every((file) => keys.has(fileKey(file)))) return false;
  for (const file of manifest.files) {
    const found = await lstat(join(target, file.path)).catch(() => undefined);
    if (!found?.isFile() || found.size !== file.size) return false;
  }
  return true;
}

/** Says that the tree is whole. Everything in it must be durable already. */
export async function writeCompletion(target: string, manifest: PullManifest): Promise<CompletionManifest> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  const completion: CompletionManifest = { ...manifest, bytes, completed_at: new Date().toISOString() };
  await writeDurably(join(target, completionFile), `${JSON.stringify(completion, undefined, 2)}\n`);
  return completion;
}

/** Takes the statement back: from now on the tree is not mounted, and the next pull checks and repairs it. */
export async function invalidate(target: string): Promise<void> {
  try {
    await unlink(join(target, completionFile));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await syncFolder(statePaths(target).state);
}
