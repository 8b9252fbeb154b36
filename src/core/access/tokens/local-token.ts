import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/system-error.ts';

/**
 * The token of this machine's account. It is made once, and only that account can read the file.
 * It writes a draft and links it, so a crash leaves no empty file. An empty file is replaced.
 */
export function localToken(dataDir: string): string {
  const path = join(dataDir, 'local-token');
  const found = readToken(path);
  if (found !== '') return found;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `eco_local_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkUnlessTaken(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return readToken(path);
}

/** If two processes start at once, both use the token that was linked first. */
function linkUnlessTaken(draft: string, path: string): void {
  for (;;) {
    try {
      return linkSync(draft, path);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'EEXIST') throw thrown;
      if (readToken(path) !== '') return;
      rmSync(path, { force: true });
    }
  }
}

/** Returns an empty text if there is no token. */
function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}
