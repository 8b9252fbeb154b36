import { open, readdir, readFile, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import { syncFolder } from './durable.ts';
import { compareHolders, holderName, parseHolder, type Holder } from './holder.ts';
import { IntervalSet } from './intervals.ts';

/** The durable part of one file. */
export interface FileRecord {
  ranges: IntervalSet;
  published: boolean;
}

const offset = z.int().nonnegative();
const ranges = z.array(z.tuple([offset, offset]).readonly()).readonly();

/** One line of a journal. The first is a snapshot of everything that was durable when the journal began. */
export const journalLine = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('snapshot'),
    files: z.record(z.string(), z.object({ ranges, published: z.boolean() })),
  }),
  z.object({ type: z.literal('ranges'), file: z.string(), ranges }),
  z.object({ type: z.literal('published'), file: z.string() }),
  z.object({ type: z.literal('discarded'), file: z.string() }),
]);
export type JournalLine = z.infer<typeof journalLine>;

export interface JournalState {
  /** The writer of the journal. Parts of older holders are not valid. */
  holder: Holder;
  files: Map<string, FileRecord>;
}

/** Reads the newest journal of a folder that has a snapshot. */
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

/** The lines before the first one that a crash cut, or that is no journal line. Lines after it are not reliable. */
function completeLines(text: string): JournalLine[] {
  const lines: JournalLine[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const parsed = journalLine.safeParse(parseJson(line));
    if (!parsed.success) break;
    lines.push(parsed.data);
  }
  return lines;
}

/** Appends to the journal of one holder. The data must be durable before its line is appended. */
export class Journal {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Begins a journal with a snapshot, and deletes the journals of earlier holders. */
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
