import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { Client } from 'pg';
import { postgresDialect, sqliteDialect } from '../../src/core/store/dialects.ts';
import { createStore } from '../../src/core/store/store.ts';
import type { Store } from '../../src/core/store/store.ts';

/** One kind of database. */
export interface StoreKind {
  name: string;
  /** An empty database with a store on it; both end with what is answered. */
  open(): Promise<TestStore>;
}

export interface TestStore extends AsyncDisposable {
  store: Store;
  /** Another store on the same database, as a second start of the program makes it. */
  again(): Promise<Store>;
}

/** SQLite and PGlite, or the real PostgreSQL where `npm run test:postgres` names one: the same tests run on each. */
export function stores(): StoreKind[] {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url !== undefined) return [{ name: 'PostgreSQL', open: () => openPostgres(url) }];
  return [
    { name: 'SQLite', open: openSqlite },
    { name: 'PGlite', open: openPglite },
  ];
}

async function openSqlite(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-store-'));
  const again = () => createStore('sqlite', sqliteDialect(join(folder, 'ecolink.db')));
  return owned(await again(), again, () => rm(folder, { recursive: true, force: true }));
}

let shared: PGlite | undefined;

/** One database for the whole worker, emptied for each test: starting it takes seconds. */
async function openPglite(): Promise<TestStore> {
  shared ??= new PGlite({ parsers: { [types.INT8]: Number } });
  const database = shared;
  await database.exec('drop schema public cascade; create schema public;');
  const lasting = {
    query: database.query.bind(database),
    transaction: database.transaction.bind(database),
    waitReady: Promise.resolve(),
    ready: true,
    closed: false,
    close: async () => {},
  };
  const again = () => createStore('postgres', new PGliteDialect({ pglite: lasting }));
  return owned(await again(), again, async () => {});
}

async function openPostgres(url: string): Promise<TestStore> {
  const database = await makeDatabase(url);
  const again = () => createStore('postgres', postgresDialect(database.url));
  return owned(await again(), again, async () => database[Symbol.asyncDispose]());
}

/** A database of its own on the server, gone with what is answered. */
export async function makeDatabase(url: string): Promise<{ url: string } & AsyncDisposable> {
  const name = `ecolink_test_${randomBytes(6).toString('hex')}`;
  await administer(url, `create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, [Symbol.asyncDispose]: () => administer(url, `drop database ${name} with (force)`) };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function owned(store: Store, again: () => Promise<Store>, remove: () => Promise<void>): TestStore {
  return {
    store,
    again,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await remove();
    },
  };
}
