import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/core/base/clock.ts';
import { randomId } from '../../../src/core/base/ids.ts';
import { createLog } from '../../../src/core/base/log.ts';
import { loadConfig } from '../../../src/core/config/load.ts';
import { configFileSchema } from '../../../src/core/config/schema.ts';
import { fenceFleet, fenceStore } from '../../../src/core/reconcile/fence.ts';
import { createSealer } from '../../../src/core/secrets/sealer.ts';
import { openFleet } from '../../../src/core/regions/open-fleet.ts';
import { sqliteDialect } from '../../../src/core/store/dialects.ts';
import { soleLease } from '../../../src/core/store/lease.ts';
import type { Lease } from '../../../src/core/store/lease.ts';
import { createStore } from '../../../src/core/store/store.ts';
import { defined } from '../../support/defined.ts';
import { toyConfig, toyKind } from '../../support/toy-region.ts';
import { temporaryFolder } from '../instances/support/machine.ts';

let held: boolean;
const lease: Lease = {
  ...soleLease,
  isHeld: () => held,
  async confirm() {
    if (!held) throw new Error('lost');
  },
};

beforeEach(() => {
  held = true;
});

test('a transaction whose server loses the lease on the way writes nothing', async () => {
  await using store = await createStore('sqlite', sqliteDialect(':memory:'));
  const fenced = fenceStore(store, lease);
  const write = (id: string, loses: boolean) =>
    fenced.transaction(async (transaction) => {
      await transaction.insertInto('store_identity').values({ only: id.length, id }).execute();
      held = !loses;
      return id;
    });
  expect(await write('a', false)).toBe('a');
  await expect(write('bb', true)).rejects.toThrow('lost');
  expect(await store.db.selectFrom('store_identity').select('id').execute()).toEqual([{ id: 'a' }]);
});

test('a region is asked to change nothing without the lease, and can still be looked at', async () => {
  const dataDir = await temporaryFolder();
  const path = join(dataDir, 'ecolink.yaml');
  await writeFile(path, toyConfig);
  const kinds = [toyKind()];
  const schema = configFileSchema(kinds.map(({ settings }) => settings));
  const config = loadConfig({ ECOLINK_DATA_DIR: dataDir, ECOLINK_CONFIG: path }, schema);
  const log = createLog({ level: 'silent', pretty: false });
  const sealer = createSealer(Buffer.alloc(32, 1), 'replica keys');
  const given = { config, kinds, log, clock: systemClock, newId: randomId, store: 's', nudge: () => {}, sealer };
  const fleet = fenceFleet(await openFleet(given), lease);
  onTestFinished(async () => {
    for (const each of fleet.regions()) await each.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const region = defined(fleet.regions()[0]);
  expect(fleet.region('box')).toBe(region);
  const workload = {
    instance: 1,
    replicas: 1,
    location: { kind: 'volume', volume: 'v-1' },
    servedName: 'a:1',
    runtime: 'any',
    arguments: [],
    generation: 1,
  } as const;
  await region.applyWorkload(workload);
  held = false;
  const manifest = { version: 1, endpoint: 'http://hub.test', repo: 'a/b', commit: 'c', files: [] } as const;
  for (const change of [
    () => region.applyWorkload({ ...workload, instance: 2 }),
    () => region.removeWorkload(1),
    () => region.eraseWorkload(1),
    () => region.startDownload('v-2', { ...manifest, files: [] }, 1, undefined),
    () => region.stopDownload('v-1'),
    () => region.deleteVolume('v-1'),
  ])
    expect(change).toThrow('lost its lease');
  expect(await region.listWorkloads()).toEqual([1]);
  expect(await region.observeWorkload(1)).toMatchObject([{ state: 'ready' }]);
  expect(await region.observeVolume('v-2')).toEqual({ state: 'absent' });
});
