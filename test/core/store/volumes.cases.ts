import { describe, expect, test } from 'vitest';
import { insertInstance, updateDesired } from '../../../src/core/instances/table.ts';
import { selectionHash } from '../../../src/core/registry/selection-hash.ts';
import type { Store } from '../../../src/core/store/store.ts';
import {
  filesOfSelection,
  findVolume,
  findVolumes,
  markDamaged,
  queueVolume,
  searchVolumes,
  unfinishedVolumes,
  updateVolume,
  usersOfVolume,
} from '../../../src/core/volumes/table.ts';
import { stores } from '../../support/stores.ts';
import { addModels, at, weights } from './rows.ts';

const selection = selectionHash(weights);

function queue(store: Store, key: string, options: { prefetch?: boolean; retry?: boolean; region?: string } = {}) {
  const { region = 'local', prefetch = false, retry = false } = options;
  const volume = { key, region, repo: 'acme/tiny', commit: 'c'.repeat(40), selection, bytes: 5_000_000_000 };
  return queueVolume(store.db, volume, { prefetch, retry });
}

describe.each(stores())('volumes in $name', (kind) => {
  test('are queued once, also if they are wanted again, and their files are found by the selection', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    await queue(open.store, 'v-1');
    await updateVolume(open.store.db, 'v-1', { state: 'downloading', attempt: 1, lastUsedAt: at });
    await queue(open.store, 'v-1', { retry: true });
    expect(await findVolume(open.store.db, 'v-1')).toMatchObject({
      state: 'downloading',
      attempt: 1,
      bytes: 5_000_000_000,
      lastUsedAt: at,
      prefetch: false,
    });
    expect(await filesOfSelection(open.store.db, selection)).toEqual(weights);
  });

  test('that failed for good get a fresh start from a new launch, and none from anything else', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    await queue(open.store, 'v-1');
    const reason = { code: 'no_space', message: 'Full.' };
    await updateVolume(db, 'v-1', { state: 'failed', failures: 6, retryAt: Date.parse(at), reason });
    await queue(open.store, 'v-1');
    expect(await findVolume(db, 'v-1')).toMatchObject({ state: 'failed', retryAt: Date.parse(at), reason });
    await queue(open.store, 'v-1', { retry: true });
    expect(await findVolume(db, 'v-1')).toMatchObject({ state: 'queued', failures: 0, retryAt: undefined });
  });

  test('are marked as damaged while they are ready, and not once an eviction has begun', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    await queue(open.store, 'v-1');
    const reason = { code: 'checksum_mismatch', message: 'model.gguf is missing.' };
    await updateVolume(db, 'v-1', { state: 'evicting', reason: null });
    expect(await markDamaged(db, 'v-1', reason)).toBe(false);
    expect(await findVolume(db, 'v-1')).toMatchObject({ state: 'evicting' });
    await updateVolume(db, 'v-1', { state: 'ready' });
    expect(await markDamaged(db, 'v-1', reason)).toBe(true);
    expect(await findVolume(db, 'v-1')).toMatchObject({ state: 'damaged', reason });
  });

  test('are listed by key without absent ones, by region, and as unfinished', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    for (const key of ['v-3', 'v-1', 'v-2', 'v-4'])
      await queue(open.store, key, { region: key === 'v-4' ? 'us' : 'eu' });
    await updateVolume(db, 'v-2', { state: 'absent' });
    await updateVolume(db, 'v-3', { state: 'ready', pinned: true });
    const keys = async (query: { region?: string; after?: string }) =>
      (await searchVolumes(db, { ...query, limit: 20 })).map((row) => row.key);
    expect(await keys({})).toEqual(['v-1', 'v-3', 'v-4']);
    expect(await keys({ after: 'v-1', region: 'eu' })).toEqual(['v-3']);
    expect((await unfinishedVolumes(db)).toSorted()).toEqual(['v-1', 'v-4']);
    expect((await findVolumes(db, ['v-3', 'v-9'])).get('v-3')).toMatchObject({ pinned: true });
    expect((await findVolumes(db, [])).size).toBe(0);
  });

  test('are in use until every instance that needs them is stopped', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const id = await store.transaction((transaction) =>
      insertInstance(transaction, {
        name: 'tiny',
        registryModelId: 'mdl_tiny',
        spec: { replicas: 1, regions: [] },
        owner: 'ada',
        private: false,
        createdAt: at,
        stopAt: undefined,
        regions: [{ region: 'eu', volume: 'v-1' }],
      }),
    );
    const using = [{ id, region: 'eu', registryModelId: 'mdl_tiny', owner: 'ada', private: false }];
    expect(await usersOfVolume(store.db, 'v-1')).toEqual(using);
    const stopping = { desired: 'stopped' as const, state: 'stopping' as const };
    await store.transaction((transaction) => updateDesired(transaction, id, stopping, at));
    expect(await usersOfVolume(store.db, 'v-1')).toEqual(using);
    await store.transaction((transaction) => updateDesired(transaction, id, { state: 'stopped' }, at));
    expect(await usersOfVolume(store.db, 'v-1')).toEqual([]);
  });

  test('with damaged columns spoil no list', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    await queue(open.store, 'v-1');
    await queue(open.store, 'v-2');
    const damaged = { state: 'dreaming', progress: '{', reason: '{"code":1}', refused: '{}' };
    await db.updateTable('volumes').set(damaged).where('key', '=', 'v-1').execute();
    expect(await searchVolumes(db, { limit: 20 })).toMatchObject([
      { key: 'v-1', state: 'partial', progress: undefined, reason: undefined, refused: [] },
      { key: 'v-2', state: 'queued' },
    ]);
  });
});
