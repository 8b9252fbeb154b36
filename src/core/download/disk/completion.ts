import { lstat, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { parseJson } from '../../base/parse-json.ts';
import { systemErrorCode } from '../../base/system-error.ts';
import { syncFolder, writeDurably } from './durable.ts';
import { fileKey, statePaths } from './paths.ts';
import { completionFile, completionManifest, type CompletionManifest, type PullManifest } from '../manifest.ts';

/**
 * The completion manifest of a target. Undefined if the tree is not complete, or the file is not a completion manifest.
 */
export async function readCompletion(target: string): Promise<CompletionManifest | undefined> {
  const text = await readFile(join(target, completionFile), 'utf8').catch(absentIfMissing);
  return completionManifest.safeParse(parseJson(text ?? '')).data;
}

/** The cheap check of a tree: it is complete, comes from this manifest, and every file has the right length. */
export async function isComplete(target: string, manifest: PullManifest): Promise<boolean> {
  const completion = await readCompletion(target);
  if (!completion || completion.repo !== manifest.repo || completion.commit !== manifest.commit) return false;
  const keys = new Set(completion.files.map(fileKey));
  if (keys.size !== manifest.files.length || !manifest.files.every((file) => keys.has(fileKey(file)))) return false;
  for (const file of manifest.files) {
    const found = await lstat(join(target, file.path)).catch(absentIfMissing);
    if (!found?.isFile() || found.size !== file.size) return false;
  }
  return true;
}

/** Marks the tree as complete. All its files must be durable already. */
export async function writeCompletion(target: string, manifest: PullManifest): Promise<CompletionManifest> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  const completion: CompletionManifest = { ...manifest, bytes, completed_at: new Date().toISOString() };
  await writeDurably(join(target, completionFile), `${JSON.stringify(completion, undefined, 2)}\n`);
  return completion;
}

/** Marks the tree as incomplete: it is not mounted any more, and the next pull checks and repairs it. */
export async function invalidate(target: string): Promise<void> {
  try {
    await unlink(join(target, completionFile));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  await syncFolder(statePaths(target).state);
}
