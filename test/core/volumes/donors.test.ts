import { expect, test } from 'vitest';
import type { PullFile } from '../../../src/core/base/pull-file.ts';
import { contentKey } from '../../../src/core/base/pull-file.ts';
import type { Sharing } from '../../../src/core/region/capabilities.ts';
import { inOrder } from '../../../src/core/volumes/donors.ts';

const file = (letter: string, size: number): PullFile => ({ path: letter, size, sha256: letter.repeat(64) });
const files = [file('a', 1), file('b', 1), file('c', 1), file('d', 50), file('e', 900)];

function donor(name: string, letters: string) {
  const own = files.filter(({ path }) => letters.includes(path));
  return { name, contents: new Set(own.flatMap((each) => contentKey(each) ?? [])) };
}

// `many` has the most files, `large` the most bytes, and `rest` what `large` lacks.
const donors = [donor('many', 'abc'), donor('large', 'abe'), donor('copy of large', 'e'), donor('rest', 'cd')];

test.each<[Sharing, string[]]>([
  ['copy', ['large', 'rest']],
  ['link', ['large', 'rest']],
  ['clone', ['large', 'copy of large', 'rest', 'many']],
])('for a %s, the donor with the most equal bytes comes first', (sharing, expected) => {
  expect(inOrder(files, donors, sharing).map(({ name }) => name)).toEqual(expected);
});

test('a download opens at most eight donors', () => {
  const single = (at: number) => ({ path: `${at}`, size: 1, sha256: at.toString(16).padStart(64, '0') });
  const many = Array.from({ length: 20 }, (_, at) => single(at));
  const each = many.map((one) => ({ contents: new Set([contentKey(one) ?? '']) }));
  expect(inOrder(many, each, 'copy')).toHaveLength(8);
});
