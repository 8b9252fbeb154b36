import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../base/errors.ts';
import { systemErrorCode } from '../base/system-error.ts';

const bytes = 32;

/** The key of the audit chain: the given value, else a file outside the data folder, which is made once. Throws `bad_audit_key`. */
export function auditKey(source: { value?: string | undefined; file: string }): Buffer {
  const key = Buffer.from(source.value ?? readOrMake(source.file), 'base64');
  if (key.length === bytes) return key;
  throw fail('bad_audit_key', `The audit key is ${key.length} bytes long, not ${bytes}.`, {
    nextStep:
      source.value === undefined
        ? `Put back the key that was in ${source.file}.`
        : 'Set ECOLINK_AUDIT_KEY to the 32 bytes in base64 that it held before.',
  });
}

/** It writes a draft and links it: a crash leaves no half of a key, and if two servers start at once, one key stays. */
function readOrMake(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(bytes).toString('base64')}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
  } finally {
    unlinkSync(draft);
  }
  return readFileSync(file, 'utf8').trim();
}
