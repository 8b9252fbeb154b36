import { lstat, mkdir, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFileSystem } from './failure.ts';
import { compareHolders, holderName, parseHolder, type Fence, type Holder } from './fence.ts';
import type { Hasher } from './hasher.ts';
import { IntervalSet } from './intervals.ts';
import { Journal, readJournal, type FileRecord, type JournalState } from './journal.ts';
import type { PullFile, PullManifest } from './manifest.ts';
import { fileKey, statePaths } from './paths.ts';
import { checkFile } from './verify.ts';

/** What an earlier run left that is still good. */
export interface Recovered {
  journal: Journal;
  /** Files that lack something, with what is durable of each. */
  unfinished: { file: PullFile; durable: IntervalSet }[];
}

/**
 * Takes over what earlier holders made durable: finished files stay, parts get this holder's name, so that a slower holder
 * finds none to publish; whatever no journal vouches for is removed or hashed.
 */
export async function recover(
  target: string,
  manifest: PullManifest,
  fence: Fence,
  hasher: Hasher,
): Promise<Recovered> {
  const { parts, journals } = statePaths(target);
  try {
    await mkdir(parts, { recursive: true });
    await mkdir(journals, { recursive: true });
    const state = await readJournal(journals);
    const records = new Map<string, FileRecord>();
    const unfinished: Recovered['unfinished'] = [];
    for (const file of manifest.files) {
      if (await isFinished(target, file, state, hasher))
        records.set(fileKey(file), { ranges: new IntervalSet(), published: true });
      else unfinished.push({ file, durable: new IntervalSet() });
    }
    const adopted = await adoptParts(parts, fence, state, new Set(unfinished.map(({ file }) => fileKey(file))));
    for (const entry of unfinished) {
      const ranges = adopted.get(fileKey(entry.file));
      if (!ranges) continue;
      entry.durable = new IntervalSet(ranges.intervals);
      records.set(fileKey(entry.file), { ranges, published: false });
    }
    return { journal: await Journal.begin(journals, fence.holder, records), unfinished };
  } catch (error) {
    throw fromFileSystem(error, target);
  }
}

/** A file in its place is good if the journal says so, or its hash does; a bad one is removed, since it takes space. */
async function isFinished(
  target: string,
  file: PullFile,
  state: JournalState | undefined,
  hasher: Hasher,
): Promise<boolean> {
  const path = join(target, file.path);
  const found = await lstat(path).catch(() => undefined);
  if (!found) return false;
  const isRecorded = state?.files.get(fileKey(file))?.published === true && found.isFile() && found.size === file.size;
  if (isRecorded || !(await checkFile(path, file, hasher))) return true;
  await rm(path, { recursive: true });
  return false;
}

async function adoptParts(
  folder: string,
  fence: Fence,
  state: JournalState | undefined,
  wanted: ReadonlySet<string>,
): Promise<Map<string, IntervalSet>> {
  const adopted = new Map<string, IntervalSet>();
  const newestFirst = (await readdir(folder)).map(parsePart).sort((a, b) => compareHolders(b.holder, a.holder));
  for (const part of newestFirst) {
    const ranges = state?.files.get(part.key)?.ranges;
    const isOurs = state !== undefined && compareHolders(part.holder, state.holder) >= 0;
    const path = join(folder, part.name);
    fence.check();
    if (!ranges || !isOurs || !wanted.has(part.key) || adopted.has(part.key) || (await stat(path)).size < ranges.end) {
      await unlink(path);
      continue;
    }
    await rename(path, join(folder, `${part.key}@${holderName(fence.holder)}`));
    adopted.set(part.key, ranges);
  }
  return adopted;
}

function parsePart(name: string): { name: string; key: string; holder: Holder } {
  const [key = '', holder = ''] = name.split('@');
  return { name, key, holder: parseHolder(holder) ?? { attempt: 0, start: 0 } };
}
