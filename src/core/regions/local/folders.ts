import { lstat, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { inputError, notFound, refused } from '../../errors.ts';
import type { FolderEntry } from '../region.ts';

const maximumEntries = 20_000;

/** The real path of a subfolder that stays inside its filesystem. Throws for absolute paths, `..`, and links that lead out. */
export async function resolveInside(root: string, subfolder: string): Promise<string> {
  if (isAbsolute(subfolder) || subfolder.split(/[\\/]/).includes('..') || subfolder.includes('\0')) {
    throw inputError('bad_subfolder', `"${subfolder}" leads out of the filesystem.`, {
      nextStep: 'Give a path below the filesystem\'s root, without a leading "/" and without "..".',
      field: 'subfolder',
    });
  }
  const base = await realpath(root).catch(() => {
    throw refused('filesystem_missing', `The filesystem's folder ${root} does not exist on this machine.`, {
      nextStep: 'Mount it, or correct its path in ecolink.yaml.',
      field: 'filesystem',
    });
  });
  const path = await realpath(join(base, subfolder)).catch(() => undefined);
  if (path === undefined || !(await stat(path)).isDirectory()) throw await missing(base, subfolder);
  if (!isInside(base, path)) throw leadsOut(subfolder);
  return path;
}

function isInside(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
}

function leadsOut(what: string): Error {
  return refused('link_leads_out', `"${what}" is, or holds, a symbolic link that leads out of the filesystem.`, {
    nextStep: 'Put the files themselves into the filesystem.',
    field: 'subfolder',
  });
}

async function missing(base: string, subfolder: string): Promise<Error> {
  const parts = subfolder.split('/');
  let existing = base;
  for (const part of parts) {
    const next = join(existing, part);
    if (!(await stat(next).catch(() => undefined))?.isDirectory()) break;
    existing = next;
  }
  const folders = (await readdir(existing, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const where = relative(base, existing) || 'the root';
  return notFound(
    'subfolder_not_found',
    `The folder "${subfolder}" does not exist: ${where} holds ${folders.length === 0 ? 'no folders' : folders.slice(0, 10).join(', ')}.`,
    {
      nextStep: 'Correct the subfolder.',
      field: 'subfolder',
      ...(folders.length > 0
        ? { validValues: folders.slice(0, 50).map((name) => join(relative(base, existing), name)) }
        : {}),
    },
  );
}

/** Every file below a subfolder, by path. Reads sizes and times only. */
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
  return refused(
    'too_many_files',
    `"${subfolder}" holds more than ${maximumEntries} files: it is not one model's folder.`,
    {
      nextStep: 'Point the subfolder at the model itself.',
      field: 'subfolder',
    },
  );
}

/** A file below the root; the caller has listed it, and the limit keeps a mistake from filling the memory. */
export async function readInside(root: string, path: string, maximumBytes: number): Promise<Buffer> {
  const file = await fileInside(root, path);
  if ((await stat(file)).size > maximumBytes)
    throw refused('file_too_large', `${path} is too large to read.`, { nextStep: 'Check the folder.' });
  return readFile(file);
}

/** The first bytes of a file below the root, fewer where it is shorter; undefined for what is no regular file. */
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
