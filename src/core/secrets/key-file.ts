import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../base/errors.ts';
import { keyBytes } from './box.ts';

/** Where keys come from: ECOLINK_KEY, else a file. The first key seals; the others still open, until a rotation ends. */
export interface KeySource {
  value?: string | undefined;
  file: string;
}

/** The keys, newest first; none where the file is not there yet. Throws `bad_key`. */
export function readKeys({ value, file }: KeySource): Buffer[] {
  if (value !== undefined) return keysIn(value, 'ECOLINK_KEY');
  try {
    return keysIn(readFileSync(file, 'utf8'), file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

/**
 * Makes the file with a first key, readable by this account alone; false where it is there already. It is written
 * elsewhere and linked: a crash leaves no half of a key, and of two servers that begin at once one's stays.
 */
export function makeKeyFile(file: string): boolean {
  const draft = draftOf(file);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, textOf([newKey()]), { mode: 0o600, flag: 'wx' });
    linkSync(draft, file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fail('key_not_written', `No key can be made at ${file}: the place cannot be written.`, {
      nextStep:
        'Set ECOLINK_KEY to what "openssl rand -base64 32" prints and keep it, or ECOLINK_KEY_FILE to another place.',
      cause: thrown,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces the keys of the file in one step. */
export function writeKeyFile(file: string, keys: readonly Buffer[]): void {
  const draft = draftOf(file);
  writeFileSync(draft, textOf(keys), { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, file);
}

export function newKey(): Buffer {
  return randomBytes(keyBytes);
}

function draftOf(file: string): string {
  return `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
}

function textOf(keys: readonly Buffer[]): string {
  return keys.map((key) => `${key.toString('base64')}\n`).join('');
}

function keysIn(text: string, from: string): Buffer[] {
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((each) => Buffer.from(each, 'base64'));
  if (keys.length > 0 && keys.every((key) => key.length === keyBytes)) return keys;
  throw fail('bad_key', `${from} does not hold keys of ${keyBytes} bytes in base64.`, {
    nextStep: 'Put back what it held before; a fresh key comes from "openssl rand -base64 32".',
  });
}
