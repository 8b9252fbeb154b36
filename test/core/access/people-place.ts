import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Access, GroupLookup } from '../../../src/core/access/access.ts';
import { createAccess } from '../../../src/core/access/create-access.ts';
import { createPeople } from '../../../src/core/access/people/people.ts';
import type { People } from '../../../src/core/access/people/people.ts';
import { createAuditLog } from '../../../src/core/audit/audit.ts';
import type { AuditLog } from '../../../src/core/audit/audit.ts';
import { HeadFile } from '../../../src/core/audit/head-file.ts';
import { randomId } from '../../../src/core/base/ids.ts';
import { createLiveConfig } from '../../../src/core/config/live.ts';
import { loadConfig } from '../../../src/core/config/load.ts';
import type { Store } from '../../../src/core/store/store.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import type { StoreKind } from '../../support/stores.ts';

export interface PeoplePlace extends AsyncDisposable {
  store: Store;
  people: People;
  access: Access;
  audit: AuditLog;
  logged: () => Record<string, unknown>[];
  /** Replaces ecolink.yaml in one step, as an editor or a ConfigMap does. */
  write(config: string): Promise<void>;
  remove(): Promise<void>;
  /** A second start of the server with the same store and file. */
  again(): Promise<PeoplePlace>;
  clock: FakeClock;
}

/** All services that know people, with a real store and a real config file. */
export async function openPeople(kind: StoreKind, config: string): Promise<PeoplePlace> {
  const database = await kind.open();
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-people-'));
  const path = join(dataDir, 'ecolink.yaml');
  const write = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  await write(config);
  const clock = createFakeClock();
  const now = (): Date => clock.now();
  const start = async (): Promise<PeoplePlace> => {
    const { log, lines } = capturedLog();
    const config = loadConfig({ ECOLINK_DATA_DIR: dataDir, ECOLINK_CONFIG: path });
    const live = createLiveConfig({ config, log, clock, newId: randomId });
    const { store } = database;
    const people = await createPeople({ live, store, now, newId: randomId, serves: true, installable: false });
    const heads = new HeadFile(join(dataDir, 'heads'), clock);
    return {
      store,
      audit: createAuditLog({ store, key: randomBytes(32), heads, now }),
      people,
      access: createAccess({
        people,
        store,
        dataDir,
        tokenLimits: () => live.file().tokens,
        now,
        newId: randomId,
        changed: () => {},
      }),
      logged: lines,
      write,
      remove: () => rm(path),
      again: start,
      clock,
      async [Symbol.asyncDispose]() {
        live[Symbol.dispose]();
        await heads.close();
        await database[Symbol.asyncDispose]();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  };
  return start();
}

/** The answers of Slack. A test changes them as it goes. */
export function fakeDirectory(): GroupLookup & {
  groups: Record<string, string[]>;
  gone: Set<string>;
  silent: boolean;
} {
  const groups: Record<string, string[]> = {};
  const directory = {
    groups,
    gone: new Set<string>(),
    silent: false,
    members: async (group: string) => (directory.silent ? undefined : directory.groups[group]),
    active: async (identity: string) => (directory.silent ? undefined : !directory.gone.has(identity)),
  };
  return directory;
}
