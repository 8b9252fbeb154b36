import { tokenNames } from '../../../src/core/store/migrations/0011-token-names.ts';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { randomId } from '../../../src/core/base/ids.ts';
import { storeIdOf } from '../../../src/core/store/store-id.ts';
import { stores } from '../../support/stores.ts';
import { addModels, addPerson } from './rows.ts';

describe.each(stores())('the store in $name', (kind) => {
  test('opens again on its own data without a migration', async () => {
    await using open = await kind.open();
    await addPerson(open.store, 'ada');
    const second = await open.again();
    expect(await second.db.selectFrom('persons').select('name').execute()).toEqual([{ name: 'ada' }]);
    await second.ping();
  });

  test('renames the later of two valid tokens with one name, which older versions could make', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addPerson(open.store, 'ada');
    await sql`drop index tokens_live_names`.execute(db);
    const token = { name: 'ci', person_id: 'ada', scopes: '[]', agent: 0, may_decide: 0, created_at: '2026-11-26' };
    const ids = { tok_a: '2026-11-26', tok_b: null, tok_c: null };
    for (const [id, revokedAt] of Object.entries(ids)) {
      const row = { ...token, id, hash: id, last_used_at: null, revoked_at: revokedAt };
      await db.insertInto('tokens').values(row).execute();
    }
    // By itself, because later migrations have run.
    await tokenNames().up(db);
    const names = await db.selectFrom('tokens').select(['id', 'name']).orderBy('id').execute();
    expect(names.map(({ name }) => name)).toEqual(['ci', 'ci', 'ci-tok_c']);
  });

  test('has an id of its own that stays, even if two servers ask first', async () => {
    const ids = new Set<string>();
    for (const _each of ['one', 'other']) {
      await using open = await kind.open();
      const second = await open.again();
      const [id, same] = await Promise.all([storeIdOf(open.store.db, randomId), storeIdOf(second.db, randomId)]);
      expect(same).toBe(id);
      ids.add(id);
    }
    expect(ids.size).toBe(2);
  });

  test('keeps all of a transaction, or nothing if it throws', async () => {
    await using open = await kind.open();
    const { store } = open;
    const insert = (db: typeof store.db, name: string) =>
      db.insertInto('identities').values({ identity: name, person_id: 'ada' }).execute();
    await addPerson(store, 'ada');
    await store.transaction((transaction) => insert(transaction, 'local'));
    const failing = store.transaction(async (transaction) => {
      await insert(transaction, 'slack:T1/U1');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await store.db.selectFrom('identities').select('identity').execute()).toEqual([{ identity: 'local' }]);
  });

  test('refuses a row that refers to a missing row', async () => {
    await using open = await kind.open();
    const orphan = open.store.db.insertInto('identities').values({ identity: 'local', person_id: 'nobody' });
    await expect(orphan.execute()).rejects.toThrow(/foreign key/i);
  });

  test('returns sizes as numbers, up to the largest exact integer', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    await addModels(open.store, 'tiny');
    const { hash } = await db.selectFrom('selections').select('hash').executeTakeFirstOrThrow();
    const row = {
      key: 'v-1',
      region: 'local',
      repo: 'acme/tiny',
      commit_sha: 'c',
      selection: hash,
      bytes: Number.MAX_SAFE_INTEGER,
      state: 'ready',
      attempt: 1,
      failures: 0,
      retry_at: null,
      progress: null,
      reason: null,
      prefetch: 0,
      pinned: 0,
      last_used_at: null,
    };
    await db.insertInto('volumes').values(row).execute();
    expect(await db.selectFrom('volumes').selectAll().executeTakeFirst()).toMatchObject(row);
  });
});
