import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isThere } from '../base/absent.ts';
import { fail } from '../base/errors.ts';
import { systemErrorCode } from '../base/system-error.ts';
import type { Store } from '../store/store.ts';

const bytes = 32;

export interface AuditKeySource {
  value?: string | undefined;
  file: string;
}

/** Throws `audit_key_missing` if the log has rows, and the key that chained them is gone. A new one would break the chain. */
export async function needAuditKey({ value, file }: AuditKeySource, store: Store): Promise<void> {
  if (value !== undefined || isThere(file)) return;
  const row = await store.db.selectFrom('audit_events').select('number').limit(1).executeTakeFirst();
  if (!row) return;
  throw fail('audit_key_missing', `The audit log has rows, but the key that chains them is missing: ${file}.`, {
    nextStep: `Put the file back from its backup. If it is lost, make a new one: openssl rand -base64 32 > ${file}. Then the audit log does not verify across this point.`,
  });
}

/** The key of the audit chain: the given value, else a file outside the data folder, which is made once. Throws `bad_audit_key`. */
export function auditKey(source: AuditKeySource): Buffer {
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
