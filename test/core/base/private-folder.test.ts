import { chmod, lchown, mkdir, mkdtemp, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ensurePrivateFile,
  ensurePrivateFolder,
  findFolderProblems,
  findWritersOf,
  ownAccount,
} from '../../../src/core/base/private-folder.ts';
import type { PrivacyOptions } from '../../../src/core/base/private-folder.ts';

const me = ownAccount() ?? { uid: 0, groups: [] };
/** An account that is neither this one nor root. */
const stranger = 54_321;
const asStranger: PrivacyOptions = { account: { uid: stranger, groups: [] } };

async function folderOf(mode: number, files: Record<string, number> = {}): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'ecolink-private-')), 'data');
  await mkdir(folder);
  for (const [name, each] of Object.entries(files)) {
    await writeFile(join(folder, name), '');
    await chmod(join(folder, name), each);
  }
  await chmod(folder, mode);
  return folder;
}

async function modeOf(...path: string[]): Promise<string> {
  return ((await stat(join(...path))).mode & 0o777).toString(8);
}

function codesOf(folder: string, options?: PrivacyOptions): string[] {
  return findFolderProblems(folder, options).map(({ code }) => code);
}

describe('a data folder that existed', () => {
  const names = [
    'ecolink.db',
    'ecolink.db-wal',
    'ecolink.db-shm',
    'server.lock',
    'server.lock-journal',
    'server.json',
    'server.log',
    'local-token',
    'audit-heads.jsonl',
    'errors.log',
  ];

  test('is closed to other accounts, with the files in it', async () => {
    const folder = await folderOf(0o755, Object.fromEntries(names.map((name) => [name, 0o644])));
    expect(findFolderProblems(folder)).toHaveLength(names.length + 1);
    expect(ensurePrivateFolder(folder)).toHaveLength(names.length + 1);
    expect(await modeOf(folder)).toBe('700');
    for (const name of names) expect([name, await modeOf(folder, name)]).toEqual([name, '600']);
    expect(findFolderProblems(folder)).toEqual([]);
  });

  test('keeps what is not its own as it is, but nobody else changes the configuration', async () => {
    const folder = await folderOf(0o700, { 'notes.txt': 0o666, 'ecolink.yaml': 0o666 });
    ensurePrivateFolder(folder);
    expect(await modeOf(folder, 'notes.txt')).toBe('666');
    expect(await modeOf(folder, 'ecolink.yaml')).toBe('644');
  });

  test('may be a link of this account', async () => {
    const folder = await folderOf(0o755);
    const link = `${folder}-link`;
    await symlink(folder, link);
    expect(ensurePrivateFolder(link)).toHaveLength(1);
    expect(await modeOf(folder)).toBe('700');
  });

  test('in a folder that all may write is refused, unless all can only delete their own there', async () => {
    const folder = await folderOf(0o700);
    const parent = join(folder, '..');
    await chmod(parent, 0o777);
    expect(() => ensurePrivateFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'folder_not_private',
        nextStep: `Run: chmod o-w ${parent}`.replace('/data/..', ''),
      }),
    );
    expect(ensurePrivateFolder(folder, { singleUser: true })).toEqual([]);
    await chmod(parent, 0o1777);
    expect(findFolderProblems(folder)).toEqual([]);
  });
});

// Only root can give files away. What this account may not do is asked as another account.
describe.runIf(me.uid === 0)('the folder or files of another account', () => {
  test('are refused with the command that mends it', async () => {
    const folder = await folderOf(0o700, { 'ecolink.db': 0o600 });
    await lchown(join(folder, 'ecolink.db'), stranger, stranger);
    expect(() => ensurePrivateFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'folder_not_owned',
        nextStep: `Run: sudo chown 0 ${join(folder, 'ecolink.db')}`,
      }),
    );
    await lchown(folder, stranger, stranger);
    expect(codesOf(folder)).toEqual(['folder_not_owned', 'folder_not_owned']);
    expect(codesOf(folder, { singleUser: true })).toEqual([]);
  });

  test('count as such behind a link, too', async () => {
    const folder = await folderOf(0o700, {});
    const link = `${folder}-link`;
    await symlink(folder, link);
    await lchown(link, stranger, stranger);
    expect(codesOf(link)).toEqual(['folder_not_owned']);
  });

  test('root’s folder is good for an account that can write it alone, as a volume of a container', async () => {
    const folder = await folderOf(0o770);
    await lchown(folder, 0, 1000);
    expect(codesOf(folder, { account: { uid: stranger, groups: [1000] } })).toEqual([]);
    expect(codesOf(folder, asStranger)).toEqual(['folder_not_private']);
    await chmod(folder, 0o777);
    expect(codesOf(folder, { account: { uid: stranger, groups: [1000] } })).toEqual(['folder_not_private']);
  });

  test('may be read by a client that is root, and by no other account', async () => {
    const folder = await folderOf(0o700);
    await lchown(folder, stranger, stranger);
    expect(findWritersOf(folder)).toEqual([]);
    expect(findWritersOf(folder, asStranger)).toEqual([]);
    expect(findWritersOf(folder, { account: { uid: 1, groups: [] } })).toHaveLength(1);
  });

  test('a key of another account is refused', async () => {
    const folder = await folderOf(0o700, { key: 0o600 });
    await lchown(join(folder, 'key'), stranger, stranger);
    expect(() => ensurePrivateFile(join(folder, 'key'))).toThrow(expect.objectContaining({ code: 'folder_not_owned' }));
  });
});

test('the key files are closed, and a missing one is no problem', async () => {
  const folder = await folderOf(0o700, { key: 0o644 });
  expect(ensurePrivateFile(join(folder, 'key'))).toEqual([join(folder, 'key')]);
  expect(await modeOf(folder, 'key')).toBe('600');
  expect(ensurePrivateFile(join(folder, 'none'))).toEqual([]);
});

test('a folder that is only readable by others is no folder that they write', async () => {
  expect(findWritersOf(await folderOf(0o755))).toEqual([]);
  expect(findWritersOf(await folderOf(0o775))).toHaveLength(1);
});
