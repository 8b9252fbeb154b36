import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import {
  briefModels,
  modelsOfRepo,
  findModel,
  instancesUsing,
  markModelDeleted,
  searchModels,
} from '../../../src/core/registry/table.ts';
import { isUniqueViolation } from '../../../src/core/store/unique-violation.ts';
import { stores } from '../../support/stores.ts';
import { addModels, addPerson, at, model, weights, saveModel } from './rows.ts';

describe.each(stores())('models in $name', (kind) => {
  test('come back as they went in, with their owner’s name and sizes above 2 GiB as numbers', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    const shown = { ownerName: 'ada', origin: 'acme/tiny@main' };
    expect(await findModel(open.store.db, { name: 'tiny' })).toEqual({ ...model('tiny'), ...shown });
    expect(await findModel(open.store.db, { id: 'mdl_tiny' })).toMatchObject({ files: weights });
  });

  test('share one row for their files if these are the same', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'one', 'two');
    expect(await open.store.db.selectFrom('selections').select('hash').execute()).toHaveLength(1);
  });

  test('a second model of a name is a unique violation, and other errors are not', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    const twice = await saveModel(open.store.db, model('tiny', { id: 'mdl_other' })).catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(twice)).toBe(true);
    const orphan = await saveModel(open.store.db, model('orphan', { owner: 'nobody' })).catch(
      (thrown: unknown) => thrown,
    );
    expect(orphan).toBeInstanceOf(Error);
    expect(isUniqueViolation(orphan)).toBe(false);
  });

  test('a deleted name can be used again, and both models can be read by their ids', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    await markModelDeleted(db, 'mdl_tiny', at);
    expect(await findModel(db, { name: 'tiny' })).toBeUndefined();
    await saveModel(db, model('tiny', { id: 'mdl_second', category: 'audio' }));
    expect(await findModel(db, { name: 'tiny' })).toMatchObject({ id: 'mdl_second' });
    expect(await findModel(db, { id: 'mdl_tiny' })).toMatchObject({ deletedAt: at });
    expect(await briefModels(db, ['mdl_tiny', 'mdl_second'])).toEqual(
      new Map([
        ['mdl_tiny', { name: 'tiny', category: 'chat' }],
        ['mdl_second', { name: 'tiny', category: 'audio' }],
      ]),
    );
  });

  test('that are damaged spoil no list and no page, and are refused by name', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'a', 'b', 'c', 'd', 'e');
    const damagedCommit = JSON.stringify({ ...model('d'), commit: 7 });
    const entries = ['{"id":', '{"id":"mdl_b","bytes":-1}', damagedCommit];
    for (const [index, entry] of entries.entries())
      await sql`update models set entry = ${entry} where name = ${'bcd'.charAt(index)}`.execute(db);
    await sql`update models set category = 'dream' where name = 'a'`.execute(db);
    const list = async (limit: number, after?: string) =>
      (await searchModels(db, { limit, after, visibleTo: undefined })).map(({ name }) => name);
    expect([await list(10), await list(1), await list(1, 'a')]).toEqual([['a', 'e'], ['a', 'e'], ['e']]);
    expect(await modelsOfRepo(db, model('b').repo ?? '')).not.toContainEqual(expect.objectContaining({ name: 'b' }));
    await expect(findModel(db, { name: 'b' })).rejects.toMatchObject({ code: 'model_damaged' });
    expect([...(await briefModels(db, ['mdl_a', 'mdl_e'])).keys()]).toEqual(['mdl_e']);
  });

  test('are listed by name, page after page, each once', async () => {
    await using open = await kind.open();
    const names = ['a', 'a-b', 'a.b', 'ab', 'b_1', 'b2', 'c'];
    await addModels(open.store, ...names.toReversed());
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const rows = await searchModels(open.store.db, { after, limit: 2, visibleTo: undefined });
      seen.push(...rows.slice(0, 2).map((row) => row.name));
      if (rows.length <= 2) break;
      after = seen.at(-1);
    }
    expect(seen.toSorted()).toEqual(names.toSorted());
  });

  test.each([
    ['100%', ['percent']],
    ['%', ['percent']],
    ['a_b', ['underscore']],
    ['back\\slash', ['backslash']],
    ["o'clock", ['quote']],
    ['TINY', ['tiny']],
    ['acme/t', ['tiny']],
  ])('a search for %s takes the characters literally', async (query, expected) => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    const folders = {
      percent: '100% sure',
      underscore: 'a_b',
      letter: 'axb',
      backslash: 'back\\slash',
      quote: "o'clock",
    };
    for (const [name, subfolder] of Object.entries(folders)) {
      await saveModel(open.store.db, model(name, { source: 'filesystem', filesystem: 'nfs', subfolder }));
    }
    const found = await searchModels(open.store.db, { query, limit: 20, visibleTo: undefined });
    expect(found.map((row) => row.name)).toEqual(expected);
  });

  test('private ones are seen by their owner, and by a search without a person', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'open');
    await addPerson(open.store, 'bob');
    await saveModel(open.store.db, model('secret', { private: true }));
    const seenBy = async (visibleTo: string | undefined) =>
      (await searchModels(open.store.db, { limit: 20, visibleTo })).map((row) => row.name);
    expect(await seenBy('bob')).toEqual(['open']);
    expect(await seenBy('ada')).toEqual(['open', 'secret']);
    expect(await seenBy(undefined)).toEqual(['open', 'secret']);
  });

  test('of one repo are found without the deleted ones, and no instance uses one that was never launched', async () => {
    await using open = await kind.open();
    await addModels(open.store, 'tiny');
    await saveModel(open.store.db, model('again', { repo: 'acme/tiny' }));
    expect((await modelsOfRepo(open.store.db, 'acme/tiny')).map((row) => row.name)).toEqual(['again', 'tiny']);
    await markModelDeleted(open.store.db, 'mdl_tiny', at);
    expect((await modelsOfRepo(open.store.db, 'acme/tiny')).map((row) => row.name)).toEqual(['again']);
    expect(await instancesUsing(open.store.db, 'mdl_tiny')).toEqual([]);
  });
});
