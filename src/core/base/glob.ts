/** A compiled pattern. `meter` counts the comparisons: tests hold the bound with it. */
export interface Glob {
  matches(path: string, meter?: Meter): boolean;
}

export interface Meter {
  steps: number;
}

/** A pattern that is not understood, in a sentence. Callers say which field it came from. */
export class GlobError extends Error {
  override readonly name = 'GlobError';
}

export const longestGlob = 200;
/** Longer texts match nothing: no path that EcoLink takes is longer. */
export const longestPath = 4096;

const star = Symbol('*');
const toLowerCase = (text: string): string => text.toLowerCase();
type OneCharacter = (character: string) => boolean;
type Segment = readonly (OneCharacter | typeof star)[];
type Tokens = readonly (Segment | typeof star)[];

/**
 * `*` and `?` stay inside a path segment, `**` as a whole segment stands for any number of them, `[a-z]` and `[!a-z]` for
 * one character, `folder/` for all below it. A pattern without a slash means the file's own name at any depth, as in .gitignore. Every other syntax
 * throws a GlobError, so that it is never read literally. A match takes at most 2 · (path + 1) · (pattern + 1) steps.
 */
export function compileGlob(pattern: string, options: { ignoreCase?: boolean } = {}): Glob {
  if (pattern.length === 0 || pattern.length > longestGlob) {
    throw new GlobError(`a pattern has 1 to ${longestGlob} characters`);
  }
  // What lies below a folder is at least one segment: the folder's own name is not below it.
  const plain = pattern.replace(/^\.\//, '').replace(/\/(?:\*\*)?$/, '/**/*');
  const fold = options.ignoreCase === true ? toLowerCase : (text: string) => text;
  const anyFolder = !plain.includes('/');
  const tokens: Tokens = plain.split('/').map((text) => (text === '**' ? star : parseSegment(text, pattern, fold)));
  return {
    matches(path, meter = { steps: 0 }) {
      if (path.length > longestPath) return false;
      const segments = anyFolder ? [path.slice(path.lastIndexOf('/') + 1)] : path.split('/');
      const compare = (segment: Segment, text: string): boolean =>
        matchSequence(segment, Array.from(text, fold), meter, (is, character) => is(character));
      return matchSequence(tokens, segments, meter, compare);
    },
  };
}

/**
 * Matches items against tokens, where a star stands for any number of items. Only the last star is ever tried again: what
 * stands before it has matched already, and an earlier star could only give it less to choose from.
 */
function matchSequence<Token, Item>(
  tokens: readonly (Token | typeof star)[],
  items: readonly Item[],
  meter: Meter,
  compare: (token: Token, item: Item) => boolean,
): boolean {
  let [at, item, afterStar, retryFrom] = [0, 0, -1, 0];
  while (item < items.length) {
    meter.steps += 1;
    const token = tokens[at];
    const current = items[item];
    if (token === star) {
      at += 1;
      [afterStar, retryFrom] = [at, item];
    } else if (token !== undefined && current !== undefined && compare(token, current)) {
      at += 1;
      item += 1;
    } else if (afterStar >= 0) {
      retryFrom += 1;
      [at, item] = [afterStar, retryFrom];
    } else return false;
  }
  while (tokens[at] === star) at += 1;
  return at === tokens.length;
}

const refusedSyntax = /[{}()\\]/;

function parseSegment(text: string, pattern: string, fold: (text: string) => string): Segment {
  const found = (/[!+@?*]\(/.exec(text) ?? refusedSyntax.exec(text))?.[0];
  if (found !== undefined) throw unsupported(pattern, found);
  if (text.startsWith('!') && pattern.startsWith('!')) throw unsupported(pattern, '!');
  const characters = Array.from(text);
  const segment: Segment[number][] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') {
      if (segment.at(-1) !== star) segment.push(star);
    } else if (character === '?') segment.push(() => true);
    else if (character === '[') {
      const { test, end } = parseClass(characters, at, pattern, fold);
      segment.push(test);
      at = end;
    } else segment.push(literal(fold(character)));
  }
  return segment;
}

function literal(wanted: string): OneCharacter {
  return (character) => character === wanted;
}

/** `[abc]`, `[a-z]`, `[!a-z]`, `[^a-z]`; a `]` right after the opening is itself. */
function parseClass(characters: readonly string[], start: number, pattern: string, fold: (text: string) => string) {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^';
  const first = start + (negated ? 2 : 1);
  const end = characters.indexOf(']', first + 1);
  if (end === -1) throw unsupported(pattern, '[', 'is not closed');
  const ranges: [string, string][] = [];
  for (let at = first; at < end; at += 1) {
    const from = characters[at] ?? '';
    if (from === '[' && /[:.=]/.test(characters[at + 1] ?? '')) throw unsupported(pattern, `[${characters[at + 1]}`);
    const isRange = characters[at + 1] === '-' && at + 2 < end;
    const to = isRange ? (characters[at + 2] ?? '') : from;
    if (from > to) throw unsupported(pattern, `${from}-${to}`, 'runs backwards');
    ranges.push([from, to]);
    if (isRange) at += 2;
  }
  const isIn = (character: string): boolean => ranges.some(([from, to]) => from <= character && character <= to);
  const ignoresCase = fold('A') === 'a';
  const test = (character: string): boolean =>
    (isIn(character) || (ignoresCase && isIn(character.toUpperCase()))) !== negated;
  return { test, end };
}

function unsupported(pattern: string, syntax: string, why = 'is no part of these patterns'): GlobError {
  return new GlobError(`"${syntax}" in "${pattern}" ${why}`);
}
