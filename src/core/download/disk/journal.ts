import { open, readdir, readFile, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable.ts';
import { compareHolders, holderName, parseHolder, type Holder } from './holder.ts';
import { IntervalSet, type Interval } from './intervals.ts';

/** What is durable of one file. */
export interface FileRecord {
  ranges: IntervalSet;
  published: boolean;
}

/** One line of a journal. The first is a snapshot of all that was durable when its writer began. */
export type JournalLine =
  | { type: 'snapshot'; files: Record<string, { ranges: readonly Interval[]; published: boolean }> }
  | { type: 'ranges'; file: string; ranges: readonly Interval[] }
  | { type: 'published'; file: string }
  | { type: 'discarded'; file: string };

export interface JournalState {
  /** Who wrote it: parts of older holders belong to nobody. */
  holder: Holder;
  files: Map<string, FileRecord>;
}

/** The newest journal of a folder that has a snapshot. */
export async function readJournal(folder: string): Promise<JournalState | undefined> {
  const holders = (await readdir(folder)).flatMap((name) => parseHolder(name) ?? []).sort(compareHolders);
  for (const holder of holders.toReversed()) {
    const files = replay(await readFile(join(folder, holderName(holder)), 'utf8'));
    if (files) return { holder, files };
  }
  return undefined;
}

function replay(text: string): Map<string, FileRecord> | undefined {
  const files = new Map<string, FileRecord>();
  const record = (key: string) => {
    const known = files.get(key) ?? { ranges: new IntervalSet(), published: false };
    files.set(key, known);
    return known;
  };
  let begun = false;
  for (const line of completeLines(text)) {
    if (line.type === 'snapshot') {
      begun = true;
      for (const [key, file] of Object.entries(line.files)) {
        files.set(key, { ranges: new IntervalSet(file.ranges), published: file.published });
      }
    }
    if (line.type === 'ranges') for (const [start, end] of line.ranges) record(line.file).ranges.add(start, end);
    if (line.type === 'published') files.set(line.file, { ranges: new IntervalSet(), published: true });
    if (line.type === 'discarded') files.delete(line.file);
  }
  return begun ? files : undefined;
}

/** Whatever follows a torn line was never acknowledged. */
function completeLines(text: string): JournalLine[] {
  const lines: JournalLine[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      lines.push(JSON.parse(line) as JournalLine);
    } catch {
      break;
    }
  }
  return lines;
}

/** Appends to the journal of one holder. What it is told must be durable already. */
export class Journal {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Begins a journal with what is durable now, and removes those of earlier holders. */
  static async begin(folder: string, holder: Holder, files: ReadonlyMap<string, FileRecord>): Promise<Journal> {
    const path = join(folder, holderName(holder));
    const snapshot = Object.fromEntries(
      [...files].map(([key, file]) => [key, { ranges: file.ranges.intervals, published: file.published }]),
    );
    const handle = await open(`${path}.new`, 'w');
    try {
      await handle.appendFile(`${JSON.stringify({ type: 'snapshot', files: snapshot } satisfies JournalLine)}\n`);
      await handle.datasync();
      await rename(`${path}.new`, path);
      await syncFolder(folder);
    } catch (error) {
      await handle.close();
      throw error;
    }
    for (const name of await readdir(folder)) {
      const older = parseHolder(name.replace(/\.new$/, ''));
      if (older && compareHolders(older, holder) < 0) await unlink(join(folder, name)).catch(() => undefined);
    }
    return new Journal(handle);
  }

  async append(lines: readonly JournalLine[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#handle.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
