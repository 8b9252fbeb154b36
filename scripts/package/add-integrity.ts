/**
 * Asks the registry for each integrity that package-lock.json lacks. npm leaves them out for packages of other platforms
 * if node_modules exists when it writes the lock file.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { packageName, readLockFile, type LockEntry } from './lock-file.ts';

const path = new URL('../../package-lock.json', import.meta.url);
const lock = readLockFile(path);

for (const [folder, entry] of Object.entries(lock.packages)) {
  if (folder === '' || entry.link === true || entry.integrity !== undefined) continue;
  const id = `${packageName(folder, entry)}@${entry.version}`;
  const integrity = await integrityOf(id);
  if (integrity === undefined) console.error(`The registry has no integrity for ${id}.`);
  else lock.packages[folder] = withIntegrity(entry, integrity);
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);

async function integrityOf(id: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('npm', ['view', id, 'dist.integrity', '--json']);
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

/** The fields in npm's own order, so that npm does not move the line later. */
function withIntegrity({ name, version, resolved, ...rest }: LockEntry, integrity: string) {
  return { name, version, resolved, integrity, ...rest };
}
