import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../base/errors.ts';
import { systemErrorCode } from '../base/system-error.ts';
import { keyBytes } from './box.ts';

/** Where keys come from: ECOLINK_KEY, else a file. The first key seals. The others still open until a rotation ends. */
export interface KeySource {
  value?: string | undefined;
  file: string;
}

/** The keys, newest first. Empty if the file does not exist yet. Throws `bad_key`. */
export function readKeys({ value, file }: KeySource): Buffer[] {
  if (value !== undefined) return parseKeys(value, 'ECOLINK_KEY');
  try {
    return parseKeys(readFileSync(file, 'utf8'), file);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/**
 * Creates the file with a first key. Only this account can read it. Returns false if the file exists already.
 * It writes a draft and links it: a crash leaves no half of a key, and if two servers start at once, one key stays.
 */
export function makeKeyFile(file: string): boolean {
  const draft = draftName(file);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, fileText([newKey()]), { mode: 0o600, flag: 'wx' });
    linkSync(draft, file);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EEXIST') return false;
    throw fail('key_not_written', `No key can be made at ${file}: the file cannot be written.`, {
      nextStep:
        'Set ECOLINK_KEY to what "openssl rand -base64 32" prints and keep a copy. Or set ECOLINK_KEY_FILE to a path that can be written.',
      cause: thrown,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces the keys of the file in one step. */
export function writeKeyFile(file: string, keys: readonly Buffer[]): void {
  const draft = draftName(file);
  writeFileSync(draft, fileText(keys), { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, file);
}

export function newKey(): Buffer {
  return randomBytes(keyBytes);
}

function draftName(file: string): string {
  return `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
}

function fileText(keys: readonly Buffer[]): string {
  return keys.map((key) => `${key.toString('base64')}\n`).join('');
}

function parseKeys(text: string, source: string): Buffer[] {
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((each) => Buffer.from(each, 'base64'));
  if (keys.length > 0 && keys.every((key) => key.length === keyBytes)) return keys;
  throw fail('bad_key', `${source} does not hold keys of ${keyBytes} bytes in base64.`, {
    nextStep: 'Put back what it held before. To start with a new key, use what "openssl rand -base64 32" prints.',
  });
}
