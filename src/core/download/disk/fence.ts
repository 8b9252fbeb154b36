import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromFileSystem, PullFailure } from '../failure.ts';
import {
  compareHolders,
  describeThisProcess,
  holderName,
  isGone,
  parseHolder,
  released,
  type Holder,
} from './holder.ts';
import { statePaths } from './paths.ts';

/**
 * Holds a target for one run. The holder is the greatest name in `.ecolink/attempts`, made with O_EXCL, which network file
 * systems keep where they do not keep locks. A run that is no longer the holder learns it before it hands over its next write.
 */
export class Fence {
  readonly #folder: string;
  readonly holder: Holder;

  private constructor(folder: string, holder: Holder) {
    this.#folder = folder;
    this.holder = holder;
  }

  /** Takes the target over; an attempt number below the holder's is refused. Without a number: the holder's own, once more. */
  static async claim(target: string, attempt: number | undefined): Promise<Fence> {
    const folder = statePaths(target).attempts;
    try {
      for (const path of [dirname(folder), folder]) await makeFolder(path);
      for (;;) {
        const holder = nextHolder(greatest(await readdir(folder)), attempt);
        if (await createExclusively(join(folder, holderName(holder)))) {
          return new Fence(folder, holder);
        }
      }
    } catch (error) {
      throw fromFileSystem(error, target);
    }
  }

  /** Throws `superseded` once another run holds the target, or once the target is gone. Synchronous: the write is handed over at once. */
  check(): void {
    if (this.#holds()) return;
    throw new PullFailure('superseded', 'Another attempt has taken this download over.');
  }

  /** Says that nothing will be written in this holder's name any more. */
  async release(): Promise<void> {
    await writeFile(join(this.#folder, holderName(this.holder)), released, { flag: 'r+' }).catch(() => undefined);
  }

  /** Whether an earlier holder has certainly ended; otherwise it may still write to the files that it has open. */
  async isGone(holder: Holder): Promise<boolean> {
    return isGone(join(this.#folder, holderName(holder)));
  }

  /** Forgets earlier holders, once nothing of theirs is used any more. */
  async retireOthers(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const holder = parseHolder(name);
      if (holder && compareHolders(holder, this.holder) < 0)
        await unlink(join(this.#folder, name)).catch(() => undefined);
    }
  }

  #holds(): boolean {
    try {
      const holder = greatest(readdirSync(this.#folder));
      return holder !== undefined && compareHolders(holder, this.holder) === 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw fromFileSystem(error, this.#folder);
    }
  }
}

function greatest(names: readonly string[]): Holder | undefined {
  return names
    .flatMap((name) => parseHolder(name) ?? [])
    .sort(compareHolders)
    .at(-1);
}

function nextHolder(present: Holder | undefined, attempt: number | undefined): Holder {
  const wanted = attempt ?? present?.attempt ?? 1;
  if (!present || present.attempt < wanted) return { attempt: wanted, start: 1 };
  if (present.attempt === wanted) return { attempt: wanted, start: present.start + 1 };
  throw new PullFailure('superseded', `Attempt ${wanted} was superseded by attempt ${present.attempt}.`);
}

/** Not `recursive`, which calls a read-only file system `ENOENT`. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function createExclusively(path: string): Promise<boolean> {
  try {
    await using handle = await open(path, 'wx');
    await handle.writeFile(await describeThisProcess());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
