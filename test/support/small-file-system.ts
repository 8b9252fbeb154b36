import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new file system in memory. Only root may mount it. */
export async function smallFileSystem(bytes: number) {
  const parent = await mkdtemp(join(tmpdir(), 'ecolink-small-'));
  const path = join(parent, 'volume');
  await mkdir(path);
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', path]);
  return {
    path,
    parent,
    isMounted: mount.status === 0,
    remount: (options: string) => spawnSync('mount', ['-o', `remount,${options}`, path]),
    async [Symbol.asyncDispose]() {
      if (mount.status === 0) spawnSync('umount', ['-l', path]);
      await rm(parent, { recursive: true, force: true });
    },
  };
}
