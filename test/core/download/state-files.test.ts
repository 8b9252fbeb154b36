import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionFile } from '../../../src/core/download/manifest.ts';
import { readCompletion, writeCompletion } from '../../../src/core/download/disk/completion.ts';
import { describeThisProcess, isGone } from '../../../src/core/download/disk/holder.ts';
import { readJournal } from '../../../src/core/download/disk/journal.ts';
import { statePaths } from '../../../src/core/download/disk/paths.ts';
import { temporaryFolder } from './pulling.ts';

const begin = [
  { type: 'snapshot', files: { a: { ranges: [[0, 10]], published: false }, b: { ranges: [], published: true } } },
  { type: 'ranges', file: 'a', ranges: [[20, 30]] },
].map((line) => JSON.stringify(line));

async function journalOf(lines: readonly string[], tail = '\n') {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, '1.1'), lines.join('\n') + tail);
  const state = await readJournal(folder.path);
  return (
    state && [...state.files].map(([key, { ranges, published }]) => ({ key, ranges: ranges.intervals, published }))
  );
}

const begun = [
  {
    key: 'a',
    ranges: [
      [0, 10],
      [20, 30],
    ],
    published: false,
  },
  { key: 'b', ranges: [], published: true },
];

test.each([
  ['no JSON', '{"type":"published"'],
  ['null', 'null'],
  ['a line of an unknown type', '{"type":"moved","file":"a"}'],
  ['a line without its file', '{"type":"published"}'],
  ['ranges that are a text', '{"type":"ranges","file":"a","ranges":"all"}'],
  ['a range with one end', '{"type":"ranges","file":"a","ranges":[[0]]}'],
  ['a range below zero', '{"type":"ranges","file":"a","ranges":[[-5,50]]}'],
])('a journal is read up to %s', async (_, bad) => {
  expect(await journalOf([...begin, bad, '{"type":"published","file":"a"}'])).toEqual(begun);
});

test('a journal is read up to a line that a crash cut', async () => {
  expect(await journalOf([...begin, '{"type":"published","file":"a"}'], '')).toEqual(begun);
});

test('a journal whose snapshot is not valid is ignored', async () => {
  expect(await journalOf(['{"type":"snapshot","files":{"a":{}}}', '{"type":"published","file":"a"}'])).toBeUndefined();
});

test.each(['', '{', 'null', '{}', '{"place":"here","pid":0,"started":"1"}', '{"pid":1}'])(
  'a holder that wrote %j may still run',
  async (text) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, '1.1');
    await writeFile(file, text);
    expect(await isGone(file)).toBe(false);
  },
);

test('a holder has ended if its pid belongs to a process with another start time', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, '1.1');
  const own = await describeThisProcess();
  await writeFile(file, own);
  expect(await isGone(file)).toBe(false);
  await writeFile(file, own.replace(/"started":"\d+"/, '"started":"1"'));
  expect(await isGone(file)).toBe(own !== '');
});

test.each(['', '{', 'null', '{"version":1}'])(
  'a tree whose completion manifest is %j is not complete',
  async (text) => {
    await using folder = await temporaryFolder();
    await mkdir(statePaths(folder.path).state);
    const file = { path: 'a', size: 1 };
    await writeCompletion(folder.path, {
      version: 1,
      endpoint: 'http://hub',
      repo: 'acme/a',
      commit: 'a'.repeat(40),
      files: [file],
    });
    expect(await readCompletion(folder.path)).toMatchObject({ files: [file], bytes: 1 });
    await writeFile(join(folder.path, completionFile), text);
    expect(await readCompletion(folder.path)).toBeUndefined();
  },
);
