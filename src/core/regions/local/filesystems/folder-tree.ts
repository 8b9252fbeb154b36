import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import type { Dir, Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { systemErrorCode } from '../../../base/system-error.ts';

/** An open folder of a tree. */
export interface OpenFolder {
  fd: number;
  /** Absolute, without links. For platforms without `/proc`. */
  realPath: string;
  parent: OpenFolder | undefined;
  /** Tells folders apart: device and inode. */
  identity: string;
}

export type Found =
  | { is: 'folder'; folder: OpenFolder }
  | { is: 'file' | 'special'; folder: OpenFolder; name: string; stats: Stats }
  /** `deepest`: the last folder on the way that exists. */
  | { is: 'absent'; deepest: OpenFolder }
  /** A link or ".." leads out of the tree. Nothing outside has been looked at. */
  | { is: 'outside' };

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const hasProc = process.platform === 'linux';
/** Not among Node's constants. It needs no permission to read the folder, as a path does not either. */
const O_PATH = 0o10000000;
const folderFlags = (hasProc ? O_PATH : O_RDONLY | O_NONBLOCK) | O_DIRECTORY | O_NOFOLLOW;
const fileFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** The limit of Linux. */
const mostLinks = 40;
const mostOpenFolders = 500;

/**
 * A folder with everything below it. Every step opens one name in a folder that is open already and never follows a
 * link: links are read, and their targets are walked in the same way. So nothing outside is opened, listed or even
 * looked for, also if folders are swapped for links at the same time. It is what `openat2` does with RESOLVE_BENEATH;
 * Node has no `openat`, and `/proc/self/fd` stands in for it. Without `/proc`, swaps of parents are not noticed.
 */
export class FolderTree implements Disposable {
  readonly root: OpenFolder;
  /** How absolute links may name the root. */
  readonly #names: readonly string[];

  constructor(path: string) {
    const real = realpathSync(path);
    this.#names = [path, real];
    this.root = openFolder(real, real, undefined);
  }

  /** Walks a path from a folder. Folders on the way stay open until `opened` is disposed of. */
  find(opened: OpenFolders, from: OpenFolder, path: string): Found {
    const rest = stepsOf(path);
    let folder = from;
    let links = 0;
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') {
        if (!folder.parent) return { is: 'outside' };
        folder = folder.parent;
        continue;
      }
      const stats = lookAt(folder, name);
      if (!stats) return { is: 'absent', deepest: folder };
      if (stats.isSymbolicLink()) {
        if (++links > mostLinks) return { is: 'absent', deepest: folder };
        const target = readlinkSync(pathAt(folder, name));
        const below = isAbsolute(target) ? this.#below(target) : target;
        if (below === undefined) return { is: 'outside' };
        if (isAbsolute(target)) folder = this.root;
        rest.unshift(...stepsOf(below));
      } else if (stats.isDirectory()) folder = opened.open(folder, name);
      else if (rest.length > 0) return { is: 'absent', deepest: folder };
      else return { is: stats.isFile() ? 'file' : 'special', folder, name, stats };
    }
    return { is: 'folder', folder };
  }

  [Symbol.dispose](): void {
    closeSync(this.root.fd);
  }

  /** The part of an absolute path below the root. */
  #below(target: string): string | undefined {
    const name = this.#names.find(
      (each) => target === each || target.startsWith(each.endsWith('/') ? each : `${each}/`),
    );
    return name === undefined ? undefined : target.slice(name.length);
  }
}

/** Closes the folders that were opened with it. */
export class OpenFolders implements Disposable {
  readonly #fds: number[] = [];

  open(parent: OpenFolder, name: string): OpenFolder {
    if (this.#fds.length >= mostOpenFolders) throw new TooDeep();
    const folder = openFolder(pathAt(parent, name), join(parent.realPath, name), parent);
    this.#fds.push(folder.fd);
    return folder;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) closeSync(fd);
  }
}

/** Thrown if a path leads through too many folders. */
export class TooDeep extends Error {}

function openFolder(path: string, realPath: string, parent: OpenFolder | undefined): OpenFolder {
  const fd = openSync(path, folderFlags);
  const { dev, ino } = fstatSync(fd);
  return { fd, realPath, parent, identity: `${dev}:${ino}` };
}

/** Opens a name without following a link or waiting for the other end of a pipe. The caller checks what it has opened. */
export function openAt(folder: OpenFolder, name: string): number {
  return openSync(pathAt(folder, name), fileFlags);
}

export function readFolderAt(folder: OpenFolder): Dir {
  return opendirSync(pathAt(folder, '.'));
}

/** Undefined if there is no such name. */
export function lookAt(folder: OpenFolder, name: string): Stats | undefined {
  try {
    return lstatSync(pathAt(folder, name));
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

function pathAt(folder: OpenFolder, name: string): string {
  return hasProc ? `/proc/self/fd/${folder.fd}/${name}` : join(folder.realPath, name);
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
