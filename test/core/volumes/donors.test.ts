import { expect, test } from 'vitest';
import type { Sharing } from '../../../src/core/region/capabilities.ts';
import { chooseDonors } from '../../../src/core/volumes/donors.ts';

const donor = (name: string, contents: Record<string, number>) => ({
  name,
  contents: new Map(Object.entries(contents)),
});

// `many` has most files, `large` most bytes, and `rest` the only file that `large` lacks besides.
const donors = [
  donor('many', { a: 1, b: 1, c: 1 }),
  donor('large', { a: 1, b: 1, w: 900 }),
  donor('copy of large', { w: 900 }),
  donor('rest', { c: 1, v: 50 }),
];

test.each<[Sharing, string[]]>([
  ['copy', ['large', 'rest']],
  ['link', ['large', 'rest']],
  ['clone', ['large', 'copy of large', 'rest', 'many']],
])('to %s, the donor with the most equal bytes comes first', (sharing, expected) => {
  expect(chooseDonors(donors, sharing).map(({ name }) => name)).toEqual(expected);
});

test('a download opens at most eight donors', () => {
  const many = Array.from({ length: 20 }, (_, at) => donor(`${at}`, { [`file ${at}`]: 1 }));
  expect(chooseDonors(many, 'copy')).toHaveLength(8);
});
