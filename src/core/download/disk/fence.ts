import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentIfMissing } from '../../base/absent.ts';
import { systemErrorCode } from '../../base/system-error.ts';
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
 * Reserves a target for one run. The greatest name in `.ecolink/attempts` is the holder. Names are created with O_EXCL:
 * network file systems respect that, but not always locks. A run checks before every write that it is still the holder.
 */
export class Fence {
  readonly #folder: string;
  readonly holder: Holder;

  private constructor(folder: string, holder: Holder) {
    this.#folder = folder;
    this.holder = holder;
  }

  /**
   * Takes the target over. Throws `superseded` if the attempt number is lower than the holder's. Without a number it
   * uses the holder's number.
   */
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

  /** Forgets the runs that have ended, with their numbers. For a clone: they were runs of another volume. */
  static async forgetReleased(target: string): Promise<void> {
    const folder = statePaths(target).attempts;
    for (const name of (await readdir(folder).catch(absentIfMissing)) ?? [])
      if (await isGone(join(folder, name))) await unlink(join(folder, name)).catch(absentIfMissing);
  }

  /**
   * Throws `superseded` if another run holds the target, or if the target is gone. Synchronous, so that the write can
   * start right after the check.
   */
  check(): void {
    if (this.#isHolder()) return;
    throw new PullFailure('superseded', 'Another attempt has taken over this download.');
  }

  /** Records that this holder will write nothing more. */
  async release(): Promise<void> {
    await writeFile(join(this.#folder, holderName(this.holder)), released, { flag: 'r+' }).catch(() => undefined);
  }

  /** True if an earlier holder has certainly ended. Otherwise it may still write to its open files. */
  async isGone(holder: Holder): Promise<boolean> {
    return isGone(join(this.#folder, holderName(holder)));
  }

  /** Deletes the names of earlier holders. Nothing of theirs may be in use any more. */
  async retireOthers(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const holder = parseHolder(name);
      if (holder && compareHolders(holder, this.holder) < 0)
        await unlink(join(this.#folder, name)).catch(() => undefined);
    }
  }

  #isHolder(): boolean {
    try {
      const holder = greatest(readdirSync(this.#folder));
      return holder !== undefined && compareHolders(holder, this.holder) === 0;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return false;
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

/** Not with `recursive`: on a read-only file system that fails with `ENOENT`. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
}

async function createExclusively(path: string): Promise<boolean> {
  try {
    await using handle = await open(path, 'wx');
    await handle.writeFile(await describeThisProcess());
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
