import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../base/errors.ts';

const bytes = 32;

/** The key that the audit is chained with: given, or from a file that is made once and lies outside the data folder. */
export function auditKey(source: { value?: string | undefined; file: string }): Buffer {
  const key = Buffer.from(source.value ?? readOrMake(source.file), 'base64');
  if (key.length === bytes) return key;
  throw fail('bad_audit_key', `The audit key is ${key.length} bytes long, not ${bytes}.`, {
    nextStep:
      source.value === undefined
        ? `Put the key back that was in ${source.file}.`
        : 'Set ECOLINK_AUDIT_KEY to 32 bytes in base64, as before.',
  });
}

/** Made under another name and linked: a crash leaves no half of a key, and of two servers that start at once one wins. */
function readOrMake(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(bytes).toString('base64')}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  } finally {
    unlinkSync(draft);
  }
  return readFileSync(file, 'utf8').trim();
}
