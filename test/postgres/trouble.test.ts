import { sql } from 'kysely';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/core/store/store.ts';
import { makeDatabase } from '../support/stores.ts';

let database: Awaited<ReturnType<typeof makeDatabase>>;
let admin: Client;
const role = `trouble_${process.pid}`;

beforeEach(async () => {
  database = await makeDatabase(process.env['TEST_POSTGRES_URL'] ?? '');
  admin = new Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`create role ${role} login`);
});
afterEach(async () => {
  await admin.query(`drop owned by ${role}`);
  await admin.query(`drop role ${role}`);
  await admin.end();
  await database[Symbol.asyncDispose]();
});

const open = (url: URL) => openStore({ dataDir: '/', databaseUrl: url.href });

function withRole(): URL {
  const url = new URL(database.url);
  url.username = role;
  return url;
}

test('a database that does not exist', async () => {
  const url = new URL(database.url);
  url.pathname = '/no_such_database';
  await expect(open(url)).rejects.toMatchObject({
    code: 'database_missing',
    message: expect.stringContaining('The database no_such_database at '),
  });
});

test('a user that does not exist, that may not make tables, and that has no connection left', async () => {
  const stranger = new URL(database.url);
  stranger.username = 'no_such_user';
  await expect(open(stranger)).rejects.toMatchObject({ code: 'database_login_refused' });
  await admin.query('revoke create on schema public from public');
  await expect(open(withRole())).rejects.toMatchObject({ code: 'database_rights_missing' });
  await admin.query(`alter role ${role} connection limit 0`);
  await expect(open(withRole())).rejects.toMatchObject({ code: 'database_busy' });
});

test('a server that speaks no TLS', async () => {
  const url = new URL(database.url);
  url.searchParams.set('sslmode', 'verify-full');
  await expect(open(url)).rejects.toMatchObject({ code: 'database_tls' });
});

test('a database that became read-only, or that ends a connection: the next query works when that is over', async () => {
  await using store = await open(new URL(database.url));
  const name = new URL(database.url).pathname.slice(1);
  const setting = 'default_transaction_read_only';
  await admin.query(`alter database ${name} set ${setting} = on`);
  const endConnections = () =>
    admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [name],
    );
  const asleep = sql`select pg_sleep(30)`.execute(store.db).catch((thrown: unknown) => thrown);
  const sleeps = async () =>
    (await admin.query("select 1 from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'"))
      .rowCount;
  await expect.poll(sleeps).toBe(1);
  await endConnections();
  expect(await asleep).toMatchObject({
    code: expect.stringMatching(/^database_(?:stopping|unreachable)$/),
    retryable: true,
  });
  const write = () => sql`create table t (a int)`.execute(store.db);
  // The pool finds out that its idle connections are gone.
  const codeOfWrite = () =>
    write().then(
      () => 'none',
      (thrown: unknown) => thrown,
    );
  await expect.poll(codeOfWrite).toMatchObject({ code: 'database_read_only' });
  await admin.query('set transaction_read_only = off');
  await admin.query(`alter database ${name} reset ${setting}`);
  await endConnections();
  // The pool finds out that its idle connections are gone.
  await expect
    .poll(() =>
      write().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});
