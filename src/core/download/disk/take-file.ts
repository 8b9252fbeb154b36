import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, constants, copyFile, link, lstat, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const chunkBytes = 1024 ** 2;

/**
 * Gives a file of another volume a second name, or copies it. A hard link comes before a reflink: the file system then
 * counts the links, so an eviction knows which bytes it frees. A copy is for another file system. `to` must not exist.
 */
export async function takeFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  if (!(await lstat(from)).isFile()) throw new Error(`${from} is not a file.`);
  for (const way of [hardLink, reflink]) if (await succeeds(way(from, to))) return;
  await rm(to, { force: true });
  const target = createWriteStream(to, { flags: 'wx', highWaterMark: chunkBytes });
  await pipeline(createReadStream(from, { highWaterMark: chunkBytes }), target, { signal });
}

/** A write through one name would change the other volume too, so nobody may write to the file any more. */
async function hardLink(from: string, to: string): Promise<void> {
  await link(from, to);
  try {
    await chmod(to, 0o444);
  } catch (error) {
    await rm(to);
    throw error;
  }
}

async function reflink(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
}

/** File systems refuse links with many different codes, and each refusal means the same: try the next way. */
async function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
