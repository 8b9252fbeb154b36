import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { ensurePrivateFile, ensurePrivateFolder } from '../base/private-folder.ts';

/** Types of network filesystems, from statfs(2). Locks of SQLite are not reliable there. */
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

export interface PrivatePlaces {
  dataDir: string;
  /** Files of keys. They need not exist. */
  keyFiles: readonly string[];
  singleUser: boolean;
}

/**
 * Creates the data folder. Closes it and the keys to other accounts. Throws `network_filesystem`, `folder_not_private`,
 * `folder_not_owned`.
 */
export function prepareDataFolder({ dataDir, keyFiles, singleUser }: PrivatePlaces, log: Log): void {
  const repaired = [
    ...ensurePrivateFolder(dataDir, { singleUser }),
    ...keyFiles.flatMap((file) => ensurePrivateFile(file, { singleUser })),
  ];
  if (repaired.length > 0)
    log.warn(
      { paths: repaired },
      'other accounts could read or change these files or folders: their modes are repaired',
    );
  const kind = process.platform === 'linux' ? networkFilesystems.get(statfsSync(dataDir).type) : undefined;
  if (kind === undefined) return;
  throw fail(
    'network_filesystem',
    `The data folder ${dataDir} is on a network filesystem (${kind}), where SQLite cannot lock.`,
    {
      nextStep: 'Set ECOLINK_DATA_DIR to a folder on a local disk, or keep the state in PostgreSQL (DATABASE_URL).',
    },
  );
}

export interface LockOptions {
  clock: Pick<Clock, 'sleep'>;
  log: Log;
  /** True: wait until the other server ends. */
  waits: boolean;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

const tryEveryMs = 1000;

/** Locks the data folder for this server. Throws `folder_in_use`, and the reason of the signal if that is aborted. */
export async function lockDataFolder(dataDir: string, options: LockOptions): Promise<Disposable> {
  const { clock, log, waits, signal } = options;
  for (let isTold = false; ; isTold = true) {
    signal?.throwIfAborted();
    try {
      return lockNow(dataDir);
    } catch (thrown) {
      if (!waits || !(thrown instanceof EcolinkError)) throw thrown;
      if (!isTold) log.info({ reason: thrown.message }, 'waiting until the data folder is free');
    }
    await clock.sleep(tryEveryMs, signal);
  }
}

/** It is SQLite's lock on a file beside the database: the system releases it when the process ends. */
function lockNow(dataDir: string): Disposable {
  const database = new Sqlite(join(dataDir, 'server.lock'), { timeout: 0 });
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    throw fail('folder_in_use', `Another EcoLink server uses the data folder ${dataDir}${holder(dataDir)}.`, {
      nextStep:
        'Use that server, stop it first, or set ECOLINK_DATA_DIR to another folder for this one. If no server runs, another program holds the file server.lock: "fuser server.lock" shows it.',
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** What a running server writes about itself. */
const serverFile = z.object({ url: z.string(), pid: z.number() });

function holder(dataDir: string): string {
  try {
    const { url, pid } = serverFile.parse(JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')));
    return ` (${url}, pid ${pid})`;
  } catch {
    return '';
  }
}
