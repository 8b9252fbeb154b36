import { expect, test } from 'vitest';
import { deepestNesting, JsonScanner } from '../../../src/core/base/json-scanner.ts';

type Verdict = { accepted: true; values: string[] } | { accepted: false };

/** What the scanner says of a text that arrives in pieces of this many bytes. */
function scan(text: string | Buffer, pieceBytes = 7, root: 'object' | 'any' = 'any'): Verdict {
  const bytes = Buffer.from(text);
  const scanner = new JsonScanner({ key: 'model', root });
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) scanner.push(bytes.subarray(at, at + pieceBytes));
    const values = scanner.end().map(({ start, end }) => bytes.subarray(start, end).toString());
    return { accepted: true, values };
  } catch {
    return { accepted: false };
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A small generator with a seed (mulberry32), so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof randomFrom>;

function oneOf<T>(random: Random, ...choices: [T, ...T[]]): T {
  return choices[random(choices.length)] ?? choices[0];
}

function blank(random: Random): string {
  return oneOf(random, '', '', ' ', '\n\t', '\r\n  ');
}

function jsonString(random: Random): string {
  const characters = Array.from({ length: random(6) }, () =>
    oneOf(random, 'a', 'ä', '漢', '😀', '\\n', '\\"', '\\\\', '\\/', '\\u0041', '\\ud800', '\\uD83D\\uDE00', '\u007f'),
  );
  return `"${characters.join('')}"`;
}

function jsonNumber(random: Random): string {
  const part = oneOf(random, '0', '7', '-0', '-12', '12345678901234567890');
  return part + oneOf(random, '', '.5', '.000') + oneOf(random, '', 'e5', 'E-300', 'e+400');
}

const modelKeys = ['"model"', '"\\u006dodel"', '"mo\\u0064\\u0065l"', '"\\u006D\\u006f\\u0064\\u0065\\u006c"'] as const;
const otherKeys = ['"models"', '"mode"', '"Model"', '"\\u006dodels"', '"mod\\u0045l"', '"model\\u0000"', '""'] as const;

function jsonValue(random: Random, depth: number): string {
  const kind = random(depth > 5 ? 3 : 5);
  if (kind === 0) return jsonString(random);
  if (kind === 1) return jsonNumber(random);
  if (kind === 2) return oneOf(random, 'true', 'false', 'null');
  const items = Array.from({ length: random(4) }, () => {
    const value = `${blank(random)}${jsonValue(random, depth + 1)}${blank(random)}`;
    if (kind === 3) return value;
    const key = oneOf(random, jsonString(random), oneOf(random, ...modelKeys), oneOf(random, ...otherKeys));
    return `${blank(random)}${key}${blank(random)}:${value}`;
  });
  return kind === 3 ? `[${items.join(',') || blank(random)}]` : `{${items.join(',') || blank(random)}}`;
}

/** The text with one byte changed, removed or doubled, where it stays UTF-8. */
function damaged(random: Random, text: string): string {
  const at = random(text.length + 1);
  const rest = text.slice(at + random(2));
  return (
    text.slice(0, at) +
    oneOf(random, '', ',', '"', '{', '}', '[', ']', ':', '\\', '0', '-', '.', 'e', 't', '\u0001', ' ', 'ä') +
    rest
  );
}

test('it accepts what JSON.parse accepts, and finds what JSON.parse finds', () => {
  const random = randomFrom(20_261_201);
  const met = { accepted: 0, refused: 0, found: 0 };
  for (let round = 0; round < 30_000; round++) {
    const good = blank(random) + jsonValue(random, 0) + blank(random);
    const text = round % 2 === 0 ? good : damaged(random, good);
    const verdict = scan(text, 1 + random(9));
    expect([text, verdict.accepted]).toEqual([text, parses(text)]);
    if (!verdict.accepted) {
      met.refused++;
      continue;
    }
    met.accepted++;
    const parsed: unknown = JSON.parse(text);
    const last = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'model') : undefined;
    if (verdict.values.length < 2)
      expect([text, verdict.values.map((each): unknown => JSON.parse(each))]).toEqual([
        text,
        last === undefined ? [] : [last],
      ]);
    met.found += verdict.values.length;
  }
  // The generator reaches every branch only if it produces all of them.
  expect(met.accepted).toBeGreaterThan(15_000);
  expect(met.refused).toBeGreaterThan(5_000);
  expect(met.found).toBeGreaterThan(1_000);
});

test('the verdict does not depend on where the pieces end', () => {
  const text = ' {"a":[{"model":"no"},1.5e-7,true,null,"\\ud83d\\ude00 漢 😀"],\n "\\u006dodel" : "tiny:1" , "x":-0} ';
  const whole = scan(text, 1000);
  expect(whole).toEqual({ accepted: true, values: ['"tiny:1"'] });
  for (let size = 1; size < 40; size++) expect(scan(text, size)).toEqual(whole);
});

test('only a key at the top level counts, and a second one is reported', () => {
  expect(scan('{"a":{"model":1},"b":[{"model":2}],"model":3}')).toEqual({ accepted: true, values: ['3'] });
  expect(scan('[{"model":1}]')).toEqual({ accepted: true, values: [] });
  expect(scan('{"model":"a","\\u006dodel":"b"}')).toEqual({ accepted: true, values: ['"a"', '"b"'] });
  expect(scan(`{"model":{"deep":[1]}${',"model":0'.repeat(50)}}`)).toMatchObject({ values: ['{"deep":[1]}', '0'] });
  expect(scan(`{"model${'x'.repeat(100)}":1}`)).toEqual({ accepted: true, values: [] });
});

test('invalid UTF-8 is refused inside strings and outside, however it is cut', () => {
  const sequences = [
    [0x80],
    [0xc0, 0xaf],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x80, 0x80, 0xaf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xff],
    [0xe6, 0xbc],
    [0xc3],
  ];
  for (const sequence of sequences) {
    const inString = Buffer.concat([Buffer.from('{"model":"'), Buffer.from(sequence), Buffer.from('"}')]);
    for (const size of [1, 2, 100]) expect([sequence, scan(inString, size).accepted]).toEqual([sequence, false]);
    expect(scan(Buffer.concat([Buffer.from('{'), Buffer.from(sequence), Buffer.from('}')])).accepted).toBe(false);
  }
  for (const good of ['\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}']) {
    expect(scan(`{"model":"${good}"}`, 1)).toEqual({ accepted: true, values: [`"${good}"`] });
  }
});

test('a byte order mark, a text that is no object and too much nesting are named', () => {
  const errorOf = (text: string): unknown => {
    const scanner = new JsonScanner();
    try {
      scanner.push(Buffer.from(text));
      return scanner.end();
    } catch (thrown) {
      return thrown;
    }
  };
  expect(errorOf('\ufeff{}')).toMatchObject({ code: 'bad_json', message: expect.stringContaining('byte order mark') });
  for (const text of ['[]', '7', '"x"', 'null']) {
    expect(errorOf(text)).toMatchObject({ code: 'bad_json', message: expect.stringContaining('not an object') });
  }
  const nested = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  expect(errorOf(nested(deepestNesting - 1))).toEqual([]);
  expect(errorOf(nested(deepestNesting))).toMatchObject({ code: 'json_too_deep' });
  expect(errorOf('{"a":'.repeat(1_000_000))).toMatchObject({ code: 'json_too_deep' });
});
