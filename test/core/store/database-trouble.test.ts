import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { databaseTrouble, placeOf } from '../../../src/core/store/database-trouble.ts';
import { openStore } from '../../../src/core/store/store.ts';

test.each([
  ['28P01', 'database_login_refused'],
  ['28000', 'database_login_refused'],
  ['3D000', 'database_missing'],
  ['53300', 'database_busy'],
  ['57P01', 'database_stopping'],
  ['57P03', 'database_stopping'],
  ['25006', 'database_read_only'],
  ['42501', 'database_rights_missing'],
  ['ECONNREFUSED', 'database_refused'],
  ['ENOTFOUND', 'database_unreachable'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'database_tls'],
  ['SQLITE_BUSY_SNAPSHOT', 'database_locked'],
  ['SQLITE_READONLY_DBMOVED', 'database_read_only'],
])('%s is told as %s', (code, told) => {
  const error = databaseTrouble(Object.assign(new Error('x'), { code }), 'ecolink at db:5432');
  expect(error).toMatchObject({ code: told, retryable: true, httpStatus: 503 });
  expect(String(error)).toContain('The database ecolink at db:5432 ');
});

test.each([
  ['The server does not support SSL connections', undefined],
  ['no pg_hba.conf entry for host "::1", user "a", database "b", no encryption', '28000'],
])('without an own code: %s', (message, code) => {
  expect(databaseTrouble(Object.assign(new Error(message), { code }), 'x')).toMatchObject({ code: 'database_tls' });
});

test('other errors stay as they are', () => {
  for (const code of ['23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_FULL', '53100', undefined]) {
    const error = Object.assign(new Error('x'), { code });
    expect(databaseTrouble(error, 'x')).toBe(error);
  }
});

test.each([
  ['postgres://ada:secret@db.example.org:5433/eco', 'eco at db.example.org:5433'],
  ['postgresql:///eco?host=/run/postgresql', 'eco at /run/postgresql'],
  ['postgres://db', 'of the user at db'],
])('%s is named %s', (url, place) => expect(placeOf(url)).toBe(place));

test('a server that refuses the connection, and one that says nothing sensible', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).resetAndDestroy());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const open = () => openStore({ dataDir: '/', databaseUrl: `postgres://ada:secret@127.0.0.1:${port}/eco` });
  await expect(open()).rejects.toMatchObject({ code: 'database_unreachable' });
  await once(server.close(), 'close');
  const refused = await open().catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({
    code: 'database_refused',
    message: `The database eco at 127.0.0.1:${port} refuses the connection: no PostgreSQL listens there.`,
  });
  expect(JSON.stringify(refused)).not.toContain('secret');
});

test('a file that is no database, or that another program locks', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-store-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const path = join(dataDir, 'ecolink.db');
  await writeFile(path, 'no database, but long enough to have a header of its own. '.repeat(40));
  await expect(openStore({ dataDir })).rejects.toMatchObject({ code: 'database_damaged' });
  await rm(path);
  await using store = await openStore({ dataDir });
  const other = new Sqlite(path);
  onTestFinished(() => void other.close());
  other.exec('begin exclusive');
  await expect(
    sql`pragma busy_timeout = 1`.execute(store.db).then(() => store.transaction(async () => {})),
  ).rejects.toMatchObject({
    code: 'database_locked',
  });
  other.exec('rollback');
  await store.transaction(async () => {});
});
