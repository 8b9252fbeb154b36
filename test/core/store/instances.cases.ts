import { describe, expect, test } from 'vitest';
import {
  dueToStop,
  findInstance,
  insertInstance,
  markUnattended,
  regionsToReconcile,
  saveRegionStatus,
  saveObservedFacts,
  searchInstances,
  specsOfRunning,
  updateDesired,
} from '../../../src/core/instances/table.ts';
import type { NewInstance } from '../../../src/core/instances/table.ts';
import { instancesUsing } from '../../../src/core/registry/table.ts';
import type { Store } from '../../../src/core/store/store.ts';
import { stores } from '../../support/stores.ts';
import { addModels, at } from './rows.ts';

function launch(store: Store, about: Partial<NewInstance> = {}): Promise<number> {
  const instance: NewInstance = {
    name: 'tiny',
    registryModelId: 'mdl_tiny',
    spec: { replicas: 1, regions: [{ region: 'eu', runtime: 'llama.cpp', arguments: ['--flag'] }] },
    owner: 'ada',
    private: false,
    createdAt: at,
    stopAt: undefined,
    regions: [
      { region: 'eu', volume: 'v-eu' },
      { region: 'us', volume: undefined },
    ],
    ...about,
  };
  return store.transaction((transaction) => insertInstance(transaction, instance));
}

const running = { state: 'running' as const, ready: 1, restarts: 0, reason: undefined, urls: ['http://127.0.0.1:1'] };

describe.each(stores())('instances in $name', (kind) => {
  test('come back as they went in, region by region', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    const id = await launch(open.store, { stopAt: at, private: true });
    expect(await findInstance(open.store.db, id)).toMatchObject({
      id,
      name: 'tiny',
      ownerName: 'ada',
      private: true,
      desired: 'running',
      state: 'pending',
      stopAt: at,
      spec: { regions: [{ arguments: ['--flag'] }] },
      regions: [
        { region: 'eu', volume: 'v-eu', state: 'pending', urls: [] },
        { region: 'us', state: 'pending', urls: [] },
      ],
    });
  });

  test('have a state that follows from their regions', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const id = await launch(store);
    const see = (region: string, status: Parameters<typeof saveRegionStatus>[3]) =>
      store.transaction((transaction) => saveRegionStatus(transaction, id, region, status, at));
    expect(await see('eu', running)).toBe('degraded');
    expect(await see('us', running)).toBe('running');
    expect(await findInstance(store.db, id)).toMatchObject({ state: 'running', ready: 2 });
    const reason = { code: 'crashed', message: 'It ended.' };
    expect(await see('us', { ...running, state: 'failed', ready: 0, reason })).toBe('degraded');
    expect((await findInstance(store.db, id))?.regions[1]).toMatchObject({ reason });
  });

  test('are listed newest first, by state, model and visibility, and are gone when they are deleted', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny', 'other');
    const first = await launch(store);
    const second = await launch(store, { registryModelId: 'mdl_other', private: true });
    const third = await launch(store);
    const list = async (query: Partial<Parameters<typeof searchInstances>[1]>) =>
      (await searchInstances(store.db, { limit: 20, visibleTo: undefined, ...query })).map((row) => row.id);
    expect(await list({})).toEqual([third, second, first]);
    expect(await list({ before: third })).toEqual([second, first]);
    expect(await list({ registryModelId: 'mdl_other' })).toEqual([second]);
    expect(await list({ visibleTo: 'bob' })).toEqual([third, first]);
    expect(await list({ state: 'running' })).toEqual([]);
    await store.transaction((transaction) => updateDesired(transaction, third, { desired: 'deleted' }, at));
    expect(await list({})).toEqual([second, first]);
    expect((await instancesUsing(store.db, 'mdl_tiny')).map((row) => row.id)).toEqual([first]);
  });

  test('keep the image that runs, and its context length until they are replaced', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const id = await launch(store);
    const first = { id, generation: 1 };
    await saveObservedFacts(store.db, first, 'eu', { image: 'e:1@sha256:a' });
    await saveObservedFacts(store.db, first, 'eu', { contextLength: 8192 });
    await store.transaction((transaction) => saveRegionStatus(transaction, id, 'eu', running, at));
    const found = async () => (await findInstance(store.db, id))?.regions;
    expect(await found()).toMatchObject([{ image: 'e:1@sha256:a', contextLength: 8192 }, { region: 'us' }]);
    const regions = [{ region: 'eu', volume: 'v-eu' }];
    await store.transaction((transaction) => updateDesired(transaction, id, { generation: 2, regions }, at));
    expect((await found())?.[0]).toMatchObject({ image: 'e:1@sha256:a' });
    expect((await found())?.[0]?.contextLength).toBeUndefined();
    // About what ran before, but reported only now.
    await saveObservedFacts(store.db, first, 'eu', { contextLength: 8192 });
    expect((await found())?.[0]?.contextLength).toBeUndefined();
  });

  test('move to another model and its volumes in one write', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny', 'other');
    const id = await launch(store);
    const update = {
      registryModelId: 'mdl_other',
      generation: 2,
      state: 'pending' as const,
      regions: [{ region: 'eu', volume: 'v-new' }],
    };
    await store.transaction((transaction) => updateDesired(transaction, id, update, at));
    expect(await findInstance(store.db, id)).toMatchObject({
      registryModelId: 'mdl_other',
      generation: 2,
      regions: [{ region: 'eu', volume: 'v-new' }, { region: 'us' }],
    });
  });

  test('are due when their time has come, and not once they are stopped', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const id = await launch(store, { stopAt: at });
    await launch(store);
    expect(await dueToStop(store.db, '2026-11-01T09:59:59.999Z')).toEqual([]);
    expect(await dueToStop(store.db, at)).toEqual([id]);
    await store.transaction((transaction) => updateDesired(transaction, id, { desired: 'stopped', stopAt: null }, at));
    expect(await dueToStop(store.db, at)).toEqual([]);
  });

  test('need a look until they are settled, and lose their replicas with the server that ran them', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const id = await launch(store, { regions: [{ region: 'eu', volume: undefined }] });
    await store.transaction((transaction) => saveRegionStatus(transaction, id, 'eu', running, at));
    expect(await regionsToReconcile(store.db)).toEqual([{ id, region: 'eu' }]);
    await markUnattended(store, at, ['elsewhere']);
    expect(await findInstance(store.db, id)).toMatchObject({ state: 'running', regions: [{ urls: running.urls }] });
    await markUnattended(store, at, ['eu']);
    expect(await findInstance(store.db, id)).toMatchObject({ state: 'pending', ready: 0, regions: [{ urls: [] }] });
    const stopped = { desired: 'stopped' as const, state: 'stopped' as const };
    await store.transaction((transaction) => updateDesired(transaction, id, stopped, at));
    expect(await regionsToReconcile(store.db)).toEqual([]);
  });

  test('with damaged columns spoil no list, and are not acted on', async () => {
    await using open = await kind.open();
    const { store } = open;
    await addModels(store, 'tiny');
    const damaged = await launch(store);
    const whole = await launch(store);
    await store.db.updateTable('instances').set({ spec: '{"replicas":' }).where('id', '=', damaged).execute();
    await store.db
      .updateTable('instance_regions')
      .set({ state: 'dreaming', urls: '[1]', reason: '"full"' })
      .where('instance_id', '=', damaged)
      .execute();
    const regions = [
      { region: 'eu', state: 'pending', urls: [], reason: undefined },
      { region: 'us', state: 'pending', urls: [], reason: undefined },
    ];
    expect(await searchInstances(store.db, { limit: 20, visibleTo: undefined })).toMatchObject([
      { id: whole, spec: { replicas: 1 } },
      { id: damaged, name: 'tiny', spec: { replicas: 0, regions: [] }, regions },
    ]);
    await expect(findInstance(store.db, damaged)).rejects.toThrow(`spec of instance ${damaged} is damaged`);
    expect(await findInstance(store.db, whole)).toMatchObject({ id: whole });
    // A limit that left it out could be passed.
    await expect(specsOfRunning(store.db, 'ada')).rejects.toThrow('damaged');
    await markUnattended(store, at, ['eu']);
  });
});
