import { fail } from './errors.ts';
import type { EcolinkError } from './errors.ts';

/** Containers inside containers. Real calls stay below 40, and the parsers of some engines recurse. */
export const deepestNesting = 128;

export interface JsonScannerOptions {
  /** The scanner locates the values of this key at the top level. Letters only. */
  key?: string;
  /** What the text must be. Default: `object`. */
  root?: 'object' | 'any';
}

/** Offsets in bytes from the start of the text. `end` is exclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

type Mode = 'value' | 'first_value' | 'key' | 'first_key' | 'colon' | 'after_value' | 'end' | Token;
type Token = 'string' | 'number' | 'literal';

const [quote, backslash, letterU, firstPrintable, firstMultiByte] = [0x22, 0x5c, 0x75, 0x20, 0x80];
const [openObject, closeObject, openArray, closeArray, comma, colon] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a];
const byteOrderMark = 0xef;
const isSpace = setOf(' \t\n\r');
const isSimpleEscape = setOf('"\\/bfnrt');
const isHexDigit = setOf('0123456789abcdefABCDEF');
const literals = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));
const numbers = numberTable();

/**
 * Checks a JSON text (RFC 8259) piece by piece, without building anything: neither nesting nor the number of values costs
 * memory. It accepts what `JSON.parse` accepts, except invalid UTF-8 and deep nesting. Own code, because streaming parsers
 * from npm create an object or a call for every token, which is 20 times slower for `{},{},…`.
 */
export class JsonScanner {
  readonly #key: string | undefined;
  readonly #needsObject: boolean;
  readonly #found: ByteRange[] = [];
  #mode: Mode = 'value';
  /** Bytes of the earlier pieces. */
  #before = 0;
  #depth = 0;
  /** One entry for each open container: 1 for an object, 0 for an array. */
  readonly #isObject = new Uint8Array(deepestNesting + 1);
  /** The string is a key. */
  #inKey = false;
  /** The first bytes of a key at the top level. */
  #keyText = '';
  #valueStart: number | undefined;
  #within: 'nothing' | 'escape' | 'hex' | 'utf8' = 'nothing';
  #left = 0;
  #lowest = 0;
  #highest = 0;
  #number = 0;
  #literal: Buffer = Buffer.alloc(0);
  #matched = 0;

  constructor({ key, root = 'object' }: JsonScannerOptions = {}) {
    this.#key = key;
    this.#needsObject = root === 'object';
  }

  /** Takes the next piece. Throws `bad_json` or `json_too_deep`. */
  push(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) at = this.#step(piece, at);
    this.#before += piece.length;
  }

  /** Call this after the last piece. Returns where the values of the key are, at most two. Throws `bad_json`. */
  end(): readonly ByteRange[] {
    if (this.#mode === 'number') this.#endNumber(0);
    if (this.#mode !== 'end') throw badJson('it ends too early');
    return this.#found;
  }

  /** Consumes at least one byte or changes the mode. Returns the next position. */
  #step(piece: Buffer, at: number): number {
    switch (this.#mode) {
      case 'string':
        return this.#scanString(piece, at);
      case 'number':
        return this.#scanNumber(piece, at);
      case 'literal':
        return this.#scanLiteral(piece, at);
      default:
        return this.#scanStructure(piece, at);
    }
  }

  #scanStructure(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (isSpace[byte] === 1) continue;
      const token = this.#structure(byte, at);
      if (token) return token === 'string' ? at + 1 : at;
    }
    return piece.length;
  }

  /** Returns the token that begins here, if one does. */
  #structure(byte: number, at: number): Token | undefined {
    switch (this.#mode) {
      case 'first_value':
        if (byte === closeArray) return this.#close(at);
        return this.#beginValue(byte, at);
      case 'value':
        return this.#beginValue(byte, at);
      case 'first_key':
        if (byte === closeObject) return this.#close(at);
        return this.#beginKey(byte, at);
      case 'key':
        return this.#beginKey(byte, at);
      case 'colon':
        if (byte !== colon) throw this.#unexpected(at);
        this.#mode = 'value';
        return undefined;
      case 'after_value':
        return this.#afterValue(byte, at);
      default:
        throw this.#unexpected(at);
    }
  }

  #beginKey(byte: number, at: number): Token {
    if (byte !== quote) throw this.#unexpected(at);
    this.#inKey = true;
    this.#keyText = '';
    return (this.#mode = 'string');
  }

  #beginValue(byte: number, at: number): Token | undefined {
    if (this.#depth === 0) this.#checkRoot(byte, at);
    else if (this.#depth === 1 && this.#keyMatches()) this.#valueStart = this.#before + at;
    if (byte === openObject || byte === openArray) return this.#open(byte === openObject);
    if (byte === quote) return (this.#mode = 'string');
    if (numbers.next[numbers.start * 256 + byte] !== 0) {
      this.#number = numbers.start;
      return (this.#mode = 'number');
    }
    const literal = literals.get(byte);
    if (literal === undefined) throw this.#unexpected(at);
    this.#literal = literal;
    this.#matched = 0;
    return (this.#mode = 'literal');
  }

  #checkRoot(byte: number, at: number): void {
    if (byte === byteOrderMark && this.#before + at === 0) throw badJson('it begins with a byte order mark');
    if (this.#needsObject && byte !== openObject) throw badJson('it is not an object');
  }

  #open(isObject: boolean): undefined {
    if (this.#depth === deepestNesting) throw tooDeep();
    this.#depth++;
    this.#isObject[this.#depth] = isObject ? 1 : 0;
    this.#mode = isObject ? 'first_key' : 'first_value';
    this.#keyText = '';
  }

  #close(at: number): undefined {
    this.#depth--;
    this.#endValue(at + 1);
  }

  #afterValue(byte: number, at: number): undefined {
    const inObject = this.#isObject[this.#depth] === 1;
    if (byte === comma) this.#mode = inObject ? 'key' : 'value';
    else if (byte === (inObject ? closeObject : closeArray)) this.#close(at);
    else throw this.#unexpected(at);
  }

  #endValue(end: number): void {
    this.#mode = this.#depth === 0 ? 'end' : 'after_value';
    if (this.#depth > 1 || this.#valueStart === undefined) return;
    // Two are enough to refuse the text.
    if (this.#found.length < 2) this.#found.push({ start: this.#valueStart, end: this.#before + end });
    this.#valueStart = undefined;
  }

  /** True if the last key is the one to locate, however it is escaped. */
  #keyMatches(): boolean {
    if (this.#key === undefined) return false;
    if (!this.#keyText.includes('\\')) return this.#keyText === this.#key;
    return this.#keyText.length <= longestSpelling(this.#key) && JSON.parse(`"${this.#keyText}"`) === this.#key;
  }

  #scanString(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (this.#within === 'nothing') {
        if (byte === quote) return this.#endString(piece, from, at);
        if (byte >= firstPrintable && byte < firstMultiByte && byte !== backslash) continue;
      }
      this.#scanSpecial(byte, at);
    }
    this.#keepKey(piece, from, piece.length);
    return piece.length;
  }

  #endString(piece: Buffer, from: number, at: number): number {
    this.#keepKey(piece, from, at);
    if (this.#inKey) this.#mode = 'colon';
    else this.#endValue(at + 1);
    this.#inKey = false;
    return at + 1;
  }

  /** Keeps one byte more than the longest spelling, so that a longer key never looks like the one to locate. */
  #keepKey(piece: Buffer, from: number, to: number): void {
    if (!this.#inKey || this.#depth !== 1 || this.#key === undefined) return;
    const room = longestSpelling(this.#key) + 1 - this.#keyText.length;
    if (room > 0) this.#keyText += piece.toString('latin1', from, Math.min(to, from + room));
  }

  /** Escapes, UTF-8 of several bytes, and what a string may not contain. */
  #scanSpecial(byte: number, at: number): void {
    switch (this.#within) {
      case 'nothing':
        if (byte === backslash) this.#within = 'escape';
        else if (byte >= firstMultiByte) this.#beginMultiByte(byte);
        else throw this.#unexpected(at);
        return;
      case 'escape':
        if (isSimpleEscape[byte] === 1) return void (this.#within = 'nothing');
        if (byte !== letterU) throw this.#unexpected(at);
        this.#within = 'hex';
        this.#left = 4;
        return;
      case 'hex':
        if (isHexDigit[byte] !== 1) throw this.#unexpected(at);
        break;
      case 'utf8':
        if (byte < this.#lowest || byte > this.#highest) throw notUtf8();
        this.#lowest = 0x80;
        this.#highest = 0xbf;
    }
    this.#left--;
    if (this.#left === 0) this.#within = 'nothing';
  }

  /** The well-formed sequences of RFC 3629, section 4: nothing overlong, no surrogates, nothing above U+10FFFF. */
  #beginMultiByte(byte: number): void {
    if (byte < 0xc2 || byte > 0xf4) throw notUtf8();
    this.#within = 'utf8';
    this.#left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#lowest = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#highest = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
  }

  #scanNumber(piece: Buffer, from: number): number {
    let state = this.#number;
    let at = from;
    for (; at < piece.length; at++) {
      const next = numbers.next[state * 256 + (piece[at] ?? 0)] ?? 0;
      if (next === 0) break;
      state = next;
    }
    this.#number = state;
    if (at < piece.length) this.#endNumber(at);
    return at;
  }

  #endNumber(at: number): void {
    if (numbers.complete[this.#number] !== 1) throw this.#unexpected(at);
    this.#endValue(at);
  }

  #scanLiteral(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      if (piece[at] !== this.#literal[this.#matched]) throw this.#unexpected(at);
      this.#matched++;
      if (this.#matched < this.#literal.length) continue;
      this.#endValue(at + 1);
      return at + 1;
    }
    return piece.length;
  }

  #unexpected(at: number): EcolinkError {
    return badJson(`byte ${this.#before + at + 1} does not belong there`);
  }
}

/** Every letter as `\uXXXX`. */
function longestSpelling(key: string): number {
  return key.length * 6;
}

function setOf(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

/** The grammar of numbers: `next[state * 256 + byte]` is the next state, or 0 if the number ends before the byte. */
function numberTable() {
  const [start, minus, zero, integer, dot, fraction, letterE, sign, exponent] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const next = new Uint8Array(10 * 256);
  const add = (from: number, characters: string, to: number): void => {
    for (const character of characters) next[from * 256 + character.charCodeAt(0)] = to;
  };
  for (const before of [start, minus]) {
    add(before, '0', zero);
    add(before, '123456789', integer);
  }
  add(start, '-', minus);
  add(integer, '0123456789', integer);
  for (const whole of [zero, integer]) add(whole, '.', dot);
  for (const before of [dot, fraction]) add(before, '0123456789', fraction);
  for (const mantissa of [zero, integer, fraction]) add(mantissa, 'eE', letterE);
  add(letterE, '+-', sign);
  for (const before of [letterE, sign, exponent]) add(before, '0123456789', exponent);
  const complete = new Uint8Array(10);
  for (const state of [zero, integer, fraction, exponent]) complete[state] = 1;
  return { start, next, complete };
}

function badJson(why: string): EcolinkError {
  return fail('bad_json', `The body is not valid JSON: ${why}.`, { nextStep: 'Send one JSON object, in UTF-8.' });
}

function notUtf8(): EcolinkError {
  return badJson('it is not UTF-8');
}

function tooDeep(): EcolinkError {
  return fail('json_too_deep', `The JSON of the body is nested deeper than ${deepestNesting} levels.`, {
    nextStep: 'Send a body with fewer levels.',
  });
}
