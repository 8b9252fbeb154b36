import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteDialect } from '../../../src/core/store/dialects.ts';
import { createStore } from '../../../src/core/store/store.ts';
import { runScript, sourceOf } from '../../support/run-script.ts';
import { addPerson } from './rows.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-sqlite-'));
  path = join(folder, 'ecolink.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('SQLite', () => {
  test('refuses a query that escapes its transaction, instead of waiting for ever', async () => {
    await using store = await createStore('sqlite', sqliteDialect(path));
    const escaping = store.transaction(() => store.db.selectFrom('persons').selectAll().execute());
    await expect(escaping).rejects.toThrow('A query escaped its transaction');
    await addPerson(store, 'ada');
  });

  test('lets a second writer wait for the first, and then see what it wrote', async () => {
    await using first = await createStore('sqlite', sqliteDialect(path));
    await using second = await createStore('sqlite', sqliteDialect(path));
    await first.transaction(async (transaction) => {
      // Nothing is written yet, and SQLite already refuses a connection that does not wait.
      const other = new Sqlite(path, { timeout: 0 });
      expect(() => other.exec('begin immediate')).toThrow('database is locked');
      other.close();
      await transaction.insertInto('persons').values({ id: '1', name: 'one', role: 'admin', created_at: '' }).execute();
    });
    await second.transaction(async (transaction) => {
      expect(await transaction.selectFrom('persons').select('id').execute()).toEqual([{ id: '1' }]);
    });
  });

  test('counts correctly when two processes read and write at once', async () => {
    await using store = await createStore('sqlite', sqliteDialect(path));
    await store.db.insertInto('leases').values({ key: 'n', holder: '', epoch: 0, expires_at: '' }).execute();
    const script = `
      import { sqliteDialect } from ${sourceOf('core/store/dialects.ts')};
      import { createStore } from ${sourceOf('core/store/store.ts')};
      const store = await createStore('sqlite', sqliteDialect(${JSON.stringify(path)}));
      for (let time = 0; time < 50; time++) await store.transaction(async (trx) => {
        const { epoch } = await trx.selectFrom('leases').select('epoch').executeTakeFirstOrThrow();
        await trx.updateTable('leases').set({ epoch: epoch + 1 }).execute();
      });`;
    const ends = await Promise.all([runScript(script), runScript(script)]);
    expect(ends).toEqual([
      { code: 0, output: '' },
      { code: 0, output: '' },
    ]);
    expect(await store.db.selectFrom('leases').select('epoch').executeTakeFirst()).toEqual({ epoch: 100 });
  });

  test('is migrated once when several processes start on an empty folder together', async () => {
    const script = `
      import { sqliteDialect } from ${sourceOf('core/store/dialects.ts')};
      import { createStore } from ${sourceOf('core/store/store.ts')};
      await createStore('sqlite', sqliteDialect(${JSON.stringify(path)}));`;
    const ends = await Promise.all([1, 2, 3].map(() => runScript(script)));
    expect(ends.map((end) => end.output)).toEqual(['', '', '']);
    expect(ends.map((end) => end.code)).toEqual([0, 0, 0]);
  });

  test('keeps nothing of a migration that fails in its middle', async () => {
    const db = new Kysely<unknown>({ dialect: sqliteDialect(path) });
    const broken = {
      async up(at: Kysely<unknown>) {
        await at.schema.createTable('half').addColumn('id', 'text').execute();
        throw new Error('ended here');
      },
    };
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ '0001-broken': broken }) } });
    expect((await migrator.migrateToLatest()).error).toMatchObject({ message: 'ended here' });
    const tables = await db.introspection.getTables();
    expect(tables.map((table) => table.name)).not.toContain('half');
    await db.destroy();
  });
});
