import { lstat, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fail } from '../../base/errors.ts';
import { fieldRef, say } from '../../base/prose.ts';
import type { FolderEntry } from '../../region/region.ts';

const maximumEntries = 20_000;

/**
 * The real path of a subfolder of a filesystem. Throws for absolute paths, for `..`, and for links that lead out of the
 * filesystem.
 */
export async function resolveInside(root: string, subfolder: string): Promise<string> {
  if (isAbsolute(subfolder) || subfolder.split(/[\\/]/).includes('..') || subfolder.includes('\0')) {
    throw fail('bad_subfolder', `"${subfolder}" leads out of the filesystem.`, {
      nextStep: 'Give a path below the root of the filesystem, without "/" at the start and without "..".',
      field: 'subfolder',
    });
  }
  const base = await realpath(root).catch(() => {
    throw fail('filesystem_missing', `The folder ${root} of the filesystem does not exist on this machine.`, {
      nextStep: 'Mount it, or correct its path in ecolink.yaml.',
      field: 'filesystem',
    });
  });
  const path = await realpath(join(base, subfolder)).catch(() => undefined);
  if (path === undefined || !(await stat(path)).isDirectory()) throw await notFound(base, subfolder);
  if (!isInside(base, path)) throw leadsOut(subfolder);
  return path;
}

function isInside(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
}

function leadsOut(what: string): Error {
  return fail('link_leads_out', `"${what}" is, or contains, a symbolic link that leads out of the filesystem.`, {
    nextStep: 'Put the files themselves into the filesystem.',
    field: 'subfolder',
  });
}

/** An error with the folders of the deepest parent that exists. */
async function notFound(base: string, subfolder: string): Promise<Error> {
  let parent = base;
  for (const name of subfolder.split('/')) {
    const next = join(parent, name);
    if (!(await stat(next).catch(() => undefined))?.isDirectory()) break;
    parent = next;
  }
  const folders = (await readdir(parent, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const path = relative(base, parent) || 'the root';
  const content = folders.length === 0 ? 'no folders' : folders.slice(0, 10).join(', ');
  return fail('subfolder_not_found', `The folder "${subfolder}" does not exist: ${path} holds ${content}.`, {
    nextStep: say`Correct ${fieldRef('subfolder')}.`,
    field: 'subfolder',
    validValues:
      folders.length === 0 ? undefined : folders.slice(0, 50).map((name) => join(relative(base, parent), name)),
  });
}

/** Every file below a subfolder, sorted by path. Reads only sizes and times. */
export async function listInside(root: string, subfolder: string): Promise<FolderEntry[]> {
  const folder = await resolveInside(root, subfolder);
  const base = await realpath(root);
  const found: FolderEntry[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await lstat(path)).isSymbolicLink() && !isInside(base, await realpath(path).catch(() => '/'))) {
      throw leadsOut(relative(base, path));
    }
    const { size, mtimeMs } = await stat(path);
    found.push({ path: relative(folder, path).split(sep).join('/'), size, mtimeMs: Math.trunc(mtimeMs) });
    if (found.length > maximumEntries) throw tooMany(subfolder);
  }
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function tooMany(subfolder: string): Error {
  return fail('too_many_files', `"${subfolder}" has more than ${maximumEntries} files: it is not one model's folder.`, {
    nextStep: say`Set ${fieldRef('subfolder')} to the folder of the model itself.`,
    field: 'subfolder',
  });
}

/** Reads a file that was listed before. The limit keeps a wrong file from filling the memory. */
export async function readInside(root: string, path: string, maximumBytes: number): Promise<Buffer> {
  const file = await fileInside(root, path);
  if ((await stat(file)).size > maximumBytes)
    throw fail('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
  return readFile(file);
}

/** The first bytes of a file below the root. A short file gives fewer. Undefined if it is not a regular file. */
export async function readHeadInside(root: string, path: string, bytes: number): Promise<Buffer | undefined> {
  const file = await fileInside(root, path);
  if (!(await stat(file)).isFile()) return undefined;
  const handle = await open(file);
  try {
    const head = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(head, 0, bytes, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function fileInside(root: string, path: string): Promise<string> {
  const parent = path.slice(0, path.lastIndexOf('/'));
  const file = join(await resolveInside(root, parent), path.slice(path.lastIndexOf('/') + 1));
  if (!isInside(await realpath(root), await realpath(file))) throw leadsOut(path);
  return file;
}
