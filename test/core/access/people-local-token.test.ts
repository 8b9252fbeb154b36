import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localToken } from '../../../src/core/access/tokens/local-token.ts';
import { startCore } from '../../support/core.ts';

let dataDir: string;
let path: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ecolink-local-'));
  path = join(dataDir, 'local-token');
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

test('the local token is made once, only this account can read it, and nothing else stays in the folder', async () => {
  const token = localToken(dataDir);
  expect(token).toMatch(/^eco_local_[A-Za-z0-9_-]{43}$/);
  expect(localToken(dataDir)).toBe(token);
  expect(await readFile(path, 'utf8')).toBe(`${token}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(['local-token']);
});

test.each(['', '\n'])('an empty file after a crash (%j) is replaced', async (left) => {
  await writeFile(path, left);
  const token = localToken(dataDir);
  expect(token).not.toBe('');
  expect((await readFile(path, 'utf8')).trim()).toBe(token);
});

test('a server that finds an empty file refuses an empty token', async () => {
  await writeFile(path, '');
  await using place = await startCore({ dataDir, reconcile: false });
  for (const token of ['', ' ']) expect(await place.core.access.callerOfToken(token, 'cli')).toBeUndefined();
  expect(place.local.identity).toBe('local');
});

test('the person at the terminal can decide there, but not through another program with the token', async () => {
  await using place = await startCore({ dataDir, reconcile: false });
  const token = localToken(dataDir);
  const decides = async (source: 'cli' | 'mcp' | 'http') =>
    (await place.core.access.callerOfToken(token, source))?.mayDecide;
  expect([await decides('cli'), await decides('mcp'), await decides('http')]).toEqual([true, false, false]);
});
