import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HeadFile } from '../../../src/core/audit/head-file.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

let folder: string;
let path: string;
let clock: FakeClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-heads-'));
  path = join(folder, 'heads.jsonl');
  clock = createFakeClock();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const numbers = async (heads: HeadFile) => (await heads.read()).map(({ number }) => number);

test('the first head is written at once, later ones within a minute and once a minute at most', async () => {
  const heads = new HeadFile(path, clock);
  heads.note({ number: 1, hash: 'a' });
  expect(await numbers(heads)).toEqual([1]);
  for (let number = 2; number <= 50; number++) {
    await clock.advance(1000);
    heads.note({ number, hash: 'b' });
  }
  expect(await numbers(heads)).toEqual([1]);
  await clock.advance(11_000);
  expect(await numbers(heads)).toEqual([1, 50]);
  heads.note({ number: 51, hash: 'c' });
  await clock.advance(59_000);
  expect(await numbers(heads)).toEqual([1, 50]);
  await clock.advance(1000);
  expect(await numbers(heads)).toEqual([1, 50, 51]);
});

test('the head is written within a minute although the wall clock is set back a day', async () => {
  const heads = new HeadFile(path, clock);
  heads.note({ number: 1, hash: 'a' });
  clock.shiftWallClock(-86_400_000);
  heads.note({ number: 2, hash: 'b' });
  await clock.advance(60_000);
  expect(await numbers(heads)).toEqual([1, 2]);
  clock.shiftWallClock(-86_400_000);
  await clock.advance(60_000);
  heads.note({ number: 3, hash: 'c' });
  expect(await numbers(heads)).toEqual([1, 2, 3]);
});

test('closing writes the last head, and reading skips a line that a crash cut', async () => {
  const heads = new HeadFile(path, clock);
  heads.note({ number: 1, hash: 'a' });
  heads.note({ number: 2, hash: 'b' });
  await heads.close();
  expect(clock.waiting()).toBe(0);
  expect(await readFile(path, 'utf8')).toMatch(/"number":2,"hash":"b","at":"2/);
  await appendFile(path, '{"number":3,"ha');
  expect(await numbers(new HeadFile(path, clock))).toEqual([1, 2]);
});

test('a head that cannot be written is tried again, and spoils neither its caller nor later heads', async () => {
  const failures: unknown[] = [];
  await mkdir(path);
  const heads = new HeadFile(path, clock, (thrown) => failures.push(thrown));
  heads.note({ number: 1, hash: 'a' });
  await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'EISDIR' }]));
  await rm(path, { recursive: true });
  await appendFile(path, '{"number":0,"ha');
  await clock.advance(5000);
  expect(await numbers(heads)).toEqual([1]);
  heads.note({ number: 2, hash: 'b' });
  await heads.close();
  expect(await numbers(heads)).toEqual([1, 2]);
  expect(clock.waiting()).toBe(0);
});

test('closing does not wait for a disk that stays full', async () => {
  await mkdir(path);
  const heads = new HeadFile(path, clock);
  heads.note({ number: 1, hash: 'a' });
  await heads.close();
  expect(clock.waiting()).toBe(0);
});
