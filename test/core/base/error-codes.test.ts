import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeError, errorCodes } from '../../../src/core/base/error-codes.ts';
import { reasonCodes } from '../../../src/core/base/reason-codes.ts';
import { pullFailures } from '../../../src/core/download/manifest.ts';

const tables = new Set(['core/base/error-codes.ts', 'core/base/reason-codes.ts']);
/** Has codes of its own, by the API of OpenAI. */
const engine = 'llama-engine/';
/** zod's code for what a check of ours finds, and the code that clients of OpenAI know for a bad token. */
const foreign = new Set(['custom', 'invalid_api_key']);

/** Where a code is written: the functions and constructors that take one, fields named `code`, and the local region's table. */
const places = [
  /\b(?:fail|failed|stale|suggest|PullFailure|TransientError)\(\s*'([a-z]+(?:_[a-z]+)*)'/g,
  /\bEcolinkError\(\s*'\w+',\s*'(\w+)'/g,
  /\bcode(?::| =) '(\w+)'/g,
  /\b(?:exited|start_timeout|unresponsive): '(\w+)'/g,
];

const root = fileURLToPath(new URL('../../../src/', import.meta.url));
const sources = globSync('**/*.ts', { cwd: root })
  .filter((file) => !tables.has(file) && !file.startsWith(engine))
  .map((file) => ({ file, text: readFileSync(`${root}${file}`, 'utf8') }));

const listed = new Set([...Object.keys(errorCodes), ...Object.keys(reasonCodes)]);

test('every code that is raised or stored is in one of the tables', () => {
  const used = sources.flatMap(({ file, text }) =>
    places.flatMap((place) => [...text.matchAll(place)].map(([, code = '']) => ({ file, code }))),
  );
  expect(new Set(used.map(({ code }) => code)).size).toBeGreaterThan(150);
  expect(used.filter(({ code }) => !listed.has(code) && !foreign.has(code))).toEqual([]);
  expect(Object.keys(pullFailures).filter((code) => !listed.has(code))).toEqual([]);
});

test('every code of the tables is used', () => {
  const words = new Set(
    sources.flatMap(({ text }) => [...text.matchAll(/'(\w+)'|^ +(\w+): \{/gm)].map((found) => found[1] ?? found[2])),
  );
  expect([...listed].filter((code) => !words.has(code))).toEqual([]);
});

test('every code has one meaning, in a sentence of its own', () => {
  const meanings = [...Object.values(errorCodes).map(({ means }) => means), ...Object.values(reasonCodes)];
  expect(meanings.filter((means) => !/^\p{Lu}.{10,}\.$/u.test(means) && !/^ecolink\.yaml .+\.$/.test(means))).toEqual(
    [],
  );
  expect(Object.keys(reasonCodes).filter((code) => describeError(code) !== undefined)).toEqual([]);
});
