import { chmod, readdir, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';

/** No distribution gives these ids to users: systemd keeps them unused (systemd.io/UIDS-GIDS). */
const firstUser = 60_600;
const users = 500;

/** The user id of an instance's engines: each instance has its own, so that engines cannot touch each other. */
export function userOfInstance(instance: number): number {
  return firstUser + (instance % users);
}

interface Identity {
  uid: number;
  gid: number;
}

/**
 * The user and group that can read all of it, without rights over files: the wanted user, else with the group of the
 * model, else the model's owner. Undefined if there is none but root.
 */
export async function userWhoReads(
  uid: number,
  programs: readonly string[],
  model: readonly string[],
): Promise<Identity | undefined> {
  const [programStats, modelStats] = await Promise.all([statAll(programs), statBelow(model)]);
  const can = (each: Identity, stats: readonly Stats[]): boolean => stats.every((one) => mayRead(one, each));
  const closed = modelStats.find((each) => !mayRead(each, { uid, gid: uid }));
  const candidates = [
    { uid, gid: uid },
    ...(closed
      ? [
          { uid, gid: closed.gid },
          { uid: closed.uid, gid: closed.gid },
        ]
      : []),
  ];
  return candidates
    .filter((each) => each.uid !== 0 && each.gid !== 0)
    .find((each) => can(each, programStats) && can(each, modelStats));
}

/** True if other users can get to the path: every folder above it lets them through. */
export async function isReachable(path: string): Promise<boolean> {
  for (let each = dirname(path); ; each = dirname(each)) {
    if (((await stat(each)).mode & 0o001) === 0) return false;
    if (each === '/') return true;
  }
}

/** Lets every user read a folder of EcoLink's own. The folders above it stay closed. */
export async function openToReaders(folder: string): Promise<void> {
  for (const path of await pathsBelow(folder)) {
    const found = await stat(path);
    const mode = (found.mode & 0o777) | (found.isDirectory() ? 0o055 : 0o044);
    if ((found.mode & 0o777) !== mode) await chmod(path, mode);
  }
}

function mayRead(stats: Stats, { uid, gid }: Identity): boolean {
  const needed = stats.isDirectory() ? 0o5 : 0o4;
  const shift = uid === stats.uid ? 6 : gid === stats.gid ? 3 : 0;
  return ((stats.mode >> shift) & needed) === needed;
}

function statAll(paths: readonly string[]): Promise<Stats[]> {
  return Promise.all(paths.map((path) => stat(path)));
}

async function statBelow(paths: readonly string[]): Promise<Stats[]> {
  return statAll((await Promise.all(paths.map(pathsBelow))).flat());
}

/** A path and everything below it. Broken links are left out. */
async function pathsBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const below = entries.filter((entry) => !entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name));
  return [path, ...below];
}
