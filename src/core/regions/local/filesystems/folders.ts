import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { isAbsolute } from 'node:path';
import { EcolinkError, fail } from '../../../base/errors.ts';
import { fieldRef, say } from '../../../base/prose.ts';
import { systemErrorCode } from '../../../base/system-error.ts';
import type { FolderEntry, MarkedFile } from '../../../region/region.ts';
import { weightFormat } from '../../../registry/selection/weight-file.ts';
import { FolderTree, lookAt, openAt, OpenFolders, readFolderAt, TooDeep } from './folder-tree.ts';
import type { Found, OpenFolder } from './folder-tree.ts';

/*
 * What EcoLink reads of a shared filesystem. People can write whatever they like there: links, pipes, endless trees. The
 * functions wait for the disk, so they run in a program of their own: see filesystem-main.ts, and the commands of pods.
 */

const maximumEntries = 20_000;
/** Folders and names that are not files count too. */
const maximumNames = 2 * maximumEntries;
const maximumLevels = 40;
/** Of all paths of a listing, in bytes. */
const maximumListing = 8 * 1024 ** 2;
const longestPath = 1024;
const longestName = 255;
const mostNeighbours = 1000;

/** Called after every step that the filesystem has answered. */
type OnStep = () => void;

const ignore: OnStep = () => undefined;

/** Throws `filesystem_missing` if the filesystem cannot be used. */
export function checkRoot(root: string): void {
  using _tree = openTree(root);
}

/** Every regular file below a subfolder, sorted by path. Looks only at sizes and times. */
export function listInside(root: string, subfolder: string, onStep: OnStep = ignore): FolderEntry[] {
  return inTree(root, subfolder, (tree, opened) => {
    const folder = findFolder(tree, opened, subfolder);
    const listing = new Listing(tree, subfolder, onStep);
    listing.addFolder(folder, '', [folder.identity]);
    return listing.entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  });
}

class Listing {
  readonly entries: FolderEntry[] = [];
  readonly #tree: FolderTree;
  readonly #subfolder: string;
  readonly #onStep: OnStep;
  #names = 0;
  #bytes = 0;

  constructor(tree: FolderTree, subfolder: string, onStep: OnStep) {
    this.#tree = tree;
    this.#subfolder = subfolder;
    this.#onStep = onStep;
  }

  /** `above`: identities of this folder and of those above it. A link to one of them would never end. */
  addFolder(folder: OpenFolder, prefix: string, above: readonly string[]): void {
    if (above.length > maximumLevels) throw tooDeep(this.#subfolder);
    for (const name of namesIn(folder, maximumNames)) {
      this.#onStep();
      this.#count(prefix + name);
      using opened = new OpenFolders();
      const found = this.#tree.find(opened, folder, name);
      if (found.is === 'outside') throw leadsOut(join(this.#subfolder, prefix + name));
      if (found.is === 'folder' && !above.includes(found.folder.identity))
        this.addFolder(found.folder, `${prefix}${name}/`, [...above, found.folder.identity]);
      if (found.is === 'file' || found.is === 'special') this.#add(prefix + name, found.stats);
    }
  }

  #add(path: string, stats: Stats): void {
    this.entries.push({
      path,
      size: stats.size,
      mtimeMs: Math.trunc(stats.mtimeMs),
      special: stats.isFile() ? undefined : true,
      ownerOnly: (stats.mode & 0o044) === 0 ? true : undefined,
    });
    if (this.entries.length > maximumEntries) throw tooMany(this.#subfolder);
  }

  #count(path: string): void {
    const bytes = Buffer.byteLength(path);
    if (bytes > longestPath) throw tooDeep(this.#subfolder);
    this.#names++;
    this.#bytes += bytes;
    if (this.#names > maximumNames || this.#bytes > maximumListing) throw tooMany(this.#subfolder);
  }
}

/** The first names in a folder, in no order. A folder may have millions. */
function* namesIn(folder: OpenFolder, most: number): Generator<string> {
  const listing = readFolderAt(folder);
  try {
    for (let count = 0; count <= most; count++) {
      const entry = listing.readSync();
      if (!entry) return;
      yield entry.name;
    }
  } finally {
    listing.closeSync();
  }
}

/** Reads a whole file. The limit keeps a wrong file from filling the memory. */
export function readInside(root: string, path: string, maximumBytes: number): Buffer {
  return inFile(root, path, (fd, { size }) => {
    if (size > maximumBytes) throw tooLarge(path);
    // One byte more than it should have: it may grow at the same time.
    const content = readAt(fd, 0, size + 1);
    if (content.length > maximumBytes) throw tooLarge(path);
    return content;
  });
}

/** The first bytes of a file. A short file gives fewer. */
export function readHeadInside(root: string, path: string, bytes: number): Buffer {
  return inFile(root, path, (fd) => readAt(fd, 0, bytes));
}

/** Files up to this size that are not weights are hashed whole: configs, tokenizers, templates, code. */
const wholeBytes = 8 * 1024 ** 2;
/** Of weights and larger files, these many bytes are hashed at both ends. */
const endBytes = 256 * 1024;
/** Files of one call that are hashed whole, in bytes together. */
const maximumHashed = 1024 ** 3;

/** Marks the content of files below a subfolder, in the order of their paths. Files that do not exist are left out. */
export function markInside(
  root: string,
  subfolder: string,
  paths: readonly string[],
  onStep: OnStep = ignore,
): MarkedFile[] {
  return inTree(root, subfolder, (tree, opened) => {
    const folder = findFolder(tree, opened, subfolder);
    let room = maximumHashed;
    return [...new Set(paths)].toSorted().flatMap((path) => {
      onStep();
      using between = new OpenFolders();
      const found = tree.find(between, folder, path);
      if (found.is === 'absent') return [];
      return withFile(found, join(subfolder, path), (fd, { size, mtimeMs }) => {
        const isWhole = weightFormat(path) === undefined && size <= Math.min(wholeBytes, room);
        if (isWhole) room -= size;
        return [{ path, size, mtimeMs: Math.trunc(mtimeMs), mark: isWhole ? wholeMark(fd, size) : endsMark(fd, size) }];
      });
    });
  });
}

function wholeMark(fd: number, size: number): string {
  return `whole:${sha256(readAt(fd, 0, size + 1))}`;
}

function endsMark(fd: number, size: number): string {
  return `ends:${sha256(readAt(fd, 0, endBytes), readAt(fd, Math.max(0, size - endBytes), endBytes))}`;
}

function sha256(...parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

function readAt(fd: number, from: number, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  let done = 0;
  for (let read = -1; read !== 0 && done < bytes; done += read)
    read = readSync(fd, content, done, bytes - done, from + done);
  return content.subarray(0, done);
}

function inFile<T>(root: string, path: string, work: (fd: number, stats: Stats) => T): T {
  return inTree(root, path, (tree, opened) => withFile(tree.find(opened, tree.root, path), path, work));
}

/** Opens a regular file. Looks before it opens, because opening a device may do something. */
function withFile<T>(found: Found, path: string, work: (fd: number, stats: Stats) => T): T {
  if (found.is === 'outside') throw leadsOut(path);
  if (found.is === 'absent') throw noFile(path);
  if (found.is !== 'file') throw notRegular(path);
  const fd = openAt(found.folder, found.name);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw notRegular(path);
    return work(fd, stats);
  } finally {
    closeSync(fd);
  }
}

/** Throws for paths that are absolute or have "..", and turns errors of the system into those of EcoLink. */
function inTree<T>(root: string, path: string, work: (tree: FolderTree, opened: OpenFolders) => T): T {
  refuseUnsafe(path);
  using tree = openTree(root);
  using opened = new OpenFolders();
  try {
    return work(tree, opened);
  } catch (thrown) {
    if (thrown instanceof TooDeep) throw tooDeep(path);
    throw thrown instanceof EcolinkError ? thrown : unreadable(path, thrown);
  }
}

function openTree(root: string): FolderTree {
  try {
    return new FolderTree(root);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(root, thrown);
    throw fail('filesystem_missing', `The folder ${root} of the filesystem does not exist on this machine.`, {
      nextStep: 'Mount it, or correct its path in ecolink.yaml.',
      field: 'filesystem',
    });
  }
}

function refuseUnsafe(path: string): void {
  const names = path.split(/[\\/]/);
  const tooLong = Buffer.byteLength(path) > longestPath || names.some((name) => Buffer.byteLength(name) > longestName);
  if (!isAbsolute(path) && !names.includes('..') && !path.includes('\0') && !tooLong) return;
  const problem = tooLong ? 'is longer than a path can be' : 'leads out of the filesystem';
  throw fail('bad_subfolder', `"${path.slice(0, longestName)}" ${problem}.`, {
    nextStep: 'Give a path below the root of the filesystem, without "/" at the start and without "..".',
    field: 'subfolder',
  });
}

function findFolder(tree: FolderTree, opened: OpenFolders, subfolder: string): OpenFolder {
  const found = tree.find(opened, tree.root, subfolder);
  if (found.is === 'folder') return found.folder;
  if (found.is === 'outside') throw leadsOut(subfolder);
  throw notFound(tree, found.is === 'absent' ? found.deepest : found.folder, subfolder);
}

/** An error with the folders of the deepest parent that exists. Links are not named: they may lead anywhere. */
function notFound(tree: FolderTree, parent: OpenFolder, subfolder: string): Error {
  const folders = [...namesIn(parent, mostNeighbours)].filter((name) => lookAt(parent, name)?.isDirectory()).toSorted();
  const below = parent.realPath.slice(tree.root.realPath.length).replace(/^\//, '');
  const content = folders.length === 0 ? 'no folders' : folders.slice(0, 10).join(', ');
  return fail(
    'subfolder_not_found',
    `The folder "${subfolder}" does not exist: ${below || 'the root'} holds ${content}.`,
    {
      nextStep: say`Correct ${fieldRef('subfolder')}.`,
      field: 'subfolder',
      validValues: folders.length === 0 ? undefined : folders.slice(0, 50).map((name) => join(below, name)),
    },
  );
}

function join(folder: string, path: string): string {
  return folder === '' ? path : `${folder}/${path}`;
}

function leadsOut(what: string): Error {
  return fail('link_leads_out', `"${what}" is, or contains, a symbolic link that leads out of the filesystem.`, {
    nextStep: 'Put the files themselves into the filesystem.',
    field: 'subfolder',
  });
}

function tooMany(subfolder: string): Error {
  return fail('too_many_files', `"${subfolder}" has more than ${maximumEntries} files: it is not one model's folder.`, {
    nextStep: say`Set ${fieldRef('subfolder')} to the folder of the model itself.`,
    field: 'subfolder',
  });
}

function tooDeep(subfolder: string): Error {
  return fail('folder_too_deep', `"${subfolder}" has folders in more than ${maximumLevels} levels.`, {
    nextStep: say`Set ${fieldRef('subfolder')} to the folder of the model itself.`,
    field: 'subfolder',
  });
}

function tooLarge(path: string): Error {
  return fail('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
}

function noFile(path: string): Error {
  return fail('file_not_found', `The file ${path} does not exist on the filesystem.`, {
    nextStep: 'Check the folder: the file may have been deleted just now.',
  });
}

function notRegular(path: string): Error {
  return fail('not_regular_file', `${path} is a pipe, a socket or a device, not a file.`, {
    nextStep: 'Delete it, or put the model into a folder of its own.',
    field: 'subfolder',
  });
}

function unreadable(path: string, thrown: unknown): Error {
  const code = systemErrorCode(thrown);
  if (code === undefined) throw thrown;
  return fail('folder_unreadable', `"${path}" cannot be read (${code}).`, {
    nextStep: 'Check its permissions for the account of the server. If files are being written to it, try again then.',
    field: 'subfolder',
    cause: thrown,
  });
}
