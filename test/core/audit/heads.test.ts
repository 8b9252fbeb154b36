import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HeadFile } from '../../../src/core/audit/heads.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-heads-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const numbers = async (heads: HeadFile) => (await heads.read()).map(({ number }) => number);

test('the head is in the file at once, and then within a minute of every row, once a minute at most', async () => {
  const heads = new HeadFile(join(folder, 'heads.jsonl'));
  heads.note({ number: 1, hash: 'a' });
  expect(await numbers(heads)).toEqual([1]);
  for (let number = 2; number <= 50; number++) {
    vi.advanceTimersByTime(1000);
    heads.note({ number, hash: 'b' });
  }
  expect(await numbers(heads)).toEqual([1]);
  vi.advanceTimersByTime(11_000);
  expect(await numbers(heads)).toEqual([1, 50]);
  heads.note({ number: 51, hash: 'c' });
  vi.advanceTimersByTime(59_000);
  expect(await numbers(heads)).toEqual([1, 50]);
  vi.advanceTimersByTime(1000);
  expect(await numbers(heads)).toEqual([1, 50, 51]);
});

test('the last head is there after the end, and a line that a crash cut is none', async () => {
  const path = join(folder, 'heads.jsonl');
  const heads = new HeadFile(path);
  heads.note({ number: 1, hash: 'a' });
  heads.note({ number: 2, hash: 'b' });
  await heads.close();
  expect(await readFile(path, 'utf8')).toMatch(/"number":2,"hash":"b","at":"2/);
  await appendFile(path, '{"number":3,"ha');
  expect(await numbers(new HeadFile(path))).toEqual([1, 2]);
});
