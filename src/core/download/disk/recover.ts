import { lstat, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { fromFileSystem } from '../failure.ts';
import type { Fence } from './fence.ts';
import { compareHolders, holderName, parseHolder, type Holder } from './holder.ts';
import type { Hasher } from './hasher.ts';
import { IntervalSet } from './intervals.ts';
import { Journal, readJournal, type FileRecord, type JournalState } from './journal.ts';
import type { PullManifest } from '../manifest.ts';
import type { PullFile } from '../../base/pull-file.ts';
import { fileKey, statePaths } from './paths.ts';
import { freeBytes } from './space.ts';
import { checkFile } from './verify.ts';

/** The valid results of earlier runs. */
export interface Recovered {
  journal: Journal;
  /** Incomplete files, each with its durable bytes. */
  unfinished: { file: PullFile; durable: IntervalSet }[];
}

/**
 * Takes over the durable results of earlier holders. Finished files stay. Parts get this holder's name, so that a slow
 * holder cannot publish them. Bytes that no journal records are deleted or hashed.
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
    // Most pulls begin with an empty target. One list of its entries then saves a look at each file.
    const present = new Set(await readdir(target));
    for (const file of manifest.files) {
      if (present.has(firstSegment(file.path)) && (await isFinished(target, file, state, hasher)))
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
    const journal = await Journal.begin(journals, fence.holder, records);
    await fence.retireOthers();
    return { journal, unfinished };
  } catch (error) {
    throw fromFileSystem(error, target);
  }
}

function firstSegment(path: string): string {
  return path.split('/', 1)[0] ?? path;
}

/**
 * True if the journal records the file as published, or if its hash is right. A wrong file is deleted to free its
 * space.
 */
async function isFinished(
  target: string,
  file: PullFile,
  state: JournalState | undefined,
  hasher: Hasher,
): Promise<boolean> {
  const path = join(target, file.path);
  const found = await lstat(path).catch(absentIfMissing);
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
    const own = join(folder, `${part.key}@${holderName(fence.holder)}`);
    if (await fence.isGone(part.holder)) await rename(path, own);
    else if (!(await copyAway(path, own, ranges))) continue;
    adopted.set(part.key, ranges);
  }
  return adopted;
}

/**
 * For a holder that may still run. It can write to the part under any name, through its open file descriptors. So the
 * bytes are copied into a new file. Returns false if there is no space for the copy. The part is then deleted.
 */
async function copyAway(from: string, to: string, ranges: IntervalSet): Promise<boolean> {
  const free = await freeBytes(dirname(from));
  const fits = free === undefined || free >= ranges.bytes;
  if (fits) await copyRanges(from, to, ranges);
  await unlink(from);
  return fits;
}

async function copyRanges(from: string, to: string, ranges: IntervalSet): Promise<void> {
  await using source = await open(from, 'r');
  await using copy = await open(to, 'w');
  const buffer = Buffer.allocUnsafeSlow(4 * 1024 * 1024);
  for (const [start, end] of ranges.intervals) {
    for (let at = start; at < end;) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) throw new Error(`${from} ends at byte ${at} instead of ${end}.`);
      for (let done = 0; done < bytesRead;) {
        done += (await copy.write(buffer, done, bytesRead - done, at + done)).bytesWritten;
      }
      at += bytesRead;
    }
  }
  await copy.datasync();
}

function parsePart(name: string): { name: string; key: string; holder: Holder } {
  const [key = '', holder = ''] = name.split('@');
  return { name, key, holder: parseHolder(holder) ?? { attempt: 0, start: 0 } };
}
