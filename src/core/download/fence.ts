import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromFileSystem, PullFailure } from './failure.ts';
import { statePaths } from './paths.ts';

/** Who holds a target: the attempt number, and how often that attempt was started. */
export interface Holder {
  attempt: number;
  start: number;
}

export function holderName(holder: Holder): string {
  return `${holder.attempt}.${holder.start}`;
}

export function parseHolder(name: string): Holder | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(name);
  return match ? { attempt: Number(match[1]), start: Number(match[2]) } : undefined;
}

export function compareHolders(a: Holder, b: Holder): number {
  return a.attempt - b.attempt || a.start - b.start;
}

/**
 * Holds a target for one run. The holder is the greatest name in `.ecolink/attempts`, made with O_EXCL, which network file
 * systems keep where they do not keep locks. A run that is no longer the holder learns it before its next write.
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
          const fence = new Fence(folder, holder);
          await fence.#removeOlder();
          return fence;
        }
      }
    } catch (error) {
      throw fromFileSystem(error, target);
    }
  }

  /** Throws `superseded` once another run holds the target, or once the target is gone. Synchronous: the write follows at once. */
  check(): void {
    if (this.#holds()) return;
    throw new PullFailure('superseded', 'Another attempt has taken this download over.');
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

  async #removeOlder(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const holder = parseHolder(name);
      if (holder && compareHolders(holder, this.holder) < 0)
        await unlink(join(this.#folder, name)).catch(() => undefined);
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
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
