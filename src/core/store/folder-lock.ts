import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { fail } from '../base/errors.ts';

/** Numbers of network filesystems in statfs(2): SQLite's locks, and ours, cannot be relied on there. */
const networkFilesystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01021997, '9p'],
]);

/** Makes the data folder, readable by its owner alone. Throws `network_filesystem` where it lies on one. */
export function prepareDataFolder(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const kind = process.platform === 'linux' ? networkFilesystems.get(statfsSync(dataDir).type) : undefined;
  if (kind === undefined) return;
  throw fail(
    'network_filesystem',
    `The data folder ${dataDir} lies on a network filesystem (${kind}), where SQLite cannot lock.`,
    {
      nextStep: 'Put ECOLINK_DATA_DIR on a local disk, or keep the state in PostgreSQL (DATABASE_URL).',
    },
  );
}

/**
 * Holds the data folder for one server, for as long as its process lives: the lock is SQLite's own on a file beside the
 * database, which the system lets go when the holder dies. Throws `folder_in_use`.
 */
export function lockDataFolder(dataDir: string): Disposable {
  const database = new Sqlite(join(dataDir, 'server.lock'), { timeout: 0 });
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    throw fail('folder_in_use', `Another EcoLink server uses the data folder ${dataDir}${holder(dataDir)}.`, {
      nextStep: 'Use that one, stop it first, or give this one a folder of its own with ECOLINK_DATA_DIR.',
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}

function holder(dataDir: string): string {
  try {
    const { url, pid } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { url: string; pid: number };
    return ` (${url}, pid ${pid})`;
  } catch {
    return '';
  }
}
