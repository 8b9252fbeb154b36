import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeCompletion } from '../../../../src/core/download/disk/completion.ts';

const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ecolink-in-pod-'));
  await mkdir(join(root, '.ecolink'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs a command as a pod of EcoLink's image does. */
function run(...args: string[]): Promise<{ status: number; answer: Record<string, unknown> }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout) => {
      resolve({ status: Number(error?.code ?? 0), answer: JSON.parse(stdout) as Record<string, unknown> });
    });
  });
}

const manifest = {
  version: 1 as const,
  endpoint: 'http://hub.test',
  repo: 'team/tiny',
  commit: 'a'.repeat(40),
  files: [{ path: 'model.gguf', size: 3, blob_id: 'b'.repeat(40) }],
};

test('a volume without a completion manifest ends the init container with status 1', async () => {
  expect(await run('check-volume', '--target', root)).toMatchObject({
    status: 1,
    answer: { error: { message: expect.stringContaining('no complete download') as string } },
  });
});

test('a complete volume lets the engine start', async () => {
  await writeCompletion(root, manifest);
  expect(await run('check-volume', '--target', root)).toMatchObject({
    status: 0,
    answer: { repo: 'team/tiny', bytes: 3 },
  });
});

test('a damaged volume is reported and is no longer complete', async () => {
  await writeFile(join(root, 'model.gguf'), 'no!');
  await writeCompletion(root, manifest);
  expect(await run('verify-volume', '--target', root)).toMatchObject({
    status: 0,
    answer: { mismatches: ['model.gguf does not match the hash of the Hub'] },
  });
  expect(await run('check-volume', '--target', root)).toMatchObject({ status: 1 });
});

test('a folder is listed with the contents of its small JSON files; a mistyped folder is not created', async () => {
  await mkdir(join(root, 'team/tiny'), { recursive: true });
  await writeFile(join(root, 'team/tiny/config.json'), '{}');
  await writeFile(join(root, 'team/tiny/model.gguf'), 'weights');
  const listed = await run('list-folder', '--target', root, '--path', 'team/tiny');
  expect(listed).toMatchObject({
    status: 0,
    answer: {
      entries: [
        { path: 'config.json', size: 2 },
        { path: 'model.gguf', size: 7 },
      ],
      contents: { 'config.json': 'e30=' },
      heads: { 'model.gguf': Buffer.from('weights').toString('base64') },
    },
  });
  const mistyped = await run('list-folder', '--target', root, '--path', 'team/tyni');
  expect(mistyped).toMatchObject({ status: 1, answer: { error: { code: 'subfolder_not_found', kind: 'not_found' } } });
  expect(await readdir(join(root, 'team'))).toEqual(['tiny']);
});

describe('the folder that an engine sees alone', () => {
  const check = (path: string) => run('check-folder', '--target', root, '--path', path);
  const refused = (message: string) => ({
    status: 1,
    answer: { error: { code: 'link_leads_out', message: expect.stringContaining(message) } },
  });

  beforeEach(async () => {
    await mkdir(join(root, 'team/tiny/blobs'), { recursive: true });
    await mkdir(join(root, 'secret'));
    await writeFile(join(root, 'secret/file'), 'secret');
    await writeFile(join(root, 'team/tiny/blobs/1'), 'weights');
  });

  test('is good with real files, and with links that stay inside', async () => {
    await symlink('blobs/1', join(root, 'team/tiny/model.gguf'));
    expect(await check('team/tiny')).toMatchObject({ status: 0, answer: { folder: 'team/tiny' } });
  });

  test('is refused if it is a link, or below one, even if that leads to a folder of the filesystem', async () => {
    await symlink('../secret', join(root, 'team/other'));
    await symlink('team', join(root, 'squad'));
    await symlink('/', join(root, 'team/everything'));
    expect(await check('team/other')).toMatchObject(refused('contains a symbolic link'));
    expect(await check('squad/tiny')).toMatchObject(refused('contains a symbolic link'));
    expect(await check('team/everything')).toMatchObject({ status: 1 });
  });

  test('is refused if a link inside leads out of it: the engine would find nothing there', async () => {
    await symlink('../../secret/file', join(root, 'team/tiny/model.gguf'));
    expect(await check('team/tiny')).toMatchObject(refused('leads out of that folder'));
  });

  test('is refused if it does not exist, or leads out by its name', async () => {
    expect(await check('team/none')).toMatchObject({ status: 1, answer: { error: { code: 'subfolder_not_found' } } });
    expect(await check('../team')).toMatchObject({ status: 1, answer: { error: { code: 'bad_subfolder' } } });
  });
});
