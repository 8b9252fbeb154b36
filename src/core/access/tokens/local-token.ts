import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The token of this machine's account: made once, readable by that account alone. It is written elsewhere and linked to
 * its name when it is whole, so that a crash leaves no empty file; one that is there all the same is replaced.
 */
export function localToken(dataDir: string): string {
  const path = join(dataDir, 'local-token');
  const found = readToken(path);
  if (found !== '') return found;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `eco_local_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkNew(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return readToken(path);
}

/** Of two processes that begin at once, one's token stays and is both's. */
function linkNew(draft: string, path: string): void {
  for (;;) {
    try {
      return linkSync(draft, path);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      if (readToken(path) !== '') return;
      rmSync(path, { force: true });
    }
  }
}

/** Empty where there is none. */
function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw thrown;
  }
}
