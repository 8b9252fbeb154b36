import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { sql } from 'kysely';
import { Client } from 'pg';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { postgresDialect } from '../../src/core/store/dialects.ts';
import { createStore } from '../../src/core/store/store.ts';
import { defined } from '../support/defined.ts';
import { startCore } from '../support/core.ts';
import { makeDatabase } from '../support/stores.ts';
import { toyConfig, toyKind } from '../support/toy-region.ts';
import { childEnvironment, mainFile, runProgram, temporaryFolder } from '../cli/support/run-program.ts';
import type { Ran } from '../cli/support/run-program.ts';
import { startServe } from '../cli/support/serve.ts';
import type { ServeChild } from '../cli/support/serve.ts';

const server = process.env['TEST_POSTGRES_URL'] ?? '';
const key = Buffer.alloc(32, 1).toString('base64');
/** The longest time from a server's death until the next one works. */
const takeoverMs = 30_000;

let database: Awaited<ReturnType<typeof makeDatabase>>;

beforeEach(async () => {
  database = await makeDatabase(server);
  onTestFinished(() => database[Symbol.asyncDispose]());
});

function environment(url = database.url): Record<string, string> {
  return { DATABASE_URL: url, ECOLINK_KEY: key, ECOLINK_AUDIT_KEY: key, ECOLINK_LOG_LEVEL: 'fatal' };
}

/** A server with a data folder of its own. Resolves when it serves. */
async function serve({ url }: { url?: string } = {}): Promise<ServeChild> {
  const served = await startServe(environment(url));
  onTestFinished(() => served[Symbol.asyncDispose]());
  expect(served.firstLine).toContain(' runs at ');
  return served;
}

/** A server that is expected to end by itself. */
async function serveInVain(): Promise<Ran> {
  await using folder = await temporaryFolder();
  return runProgram(['serve'], { ...environment(), ECOLINK_DATA_DIR: folder.path, ECOLINK_PORT: '0' });
}

async function kill(served: ServeChild): Promise<void> {
  served.child.kill('SIGKILL');
  await once(served.child, 'exit');
}

function urlOf({ firstLine }: ServeChild): string {
  return defined(/http:\/\/\S+/.exec(firstLine)?.[0]);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`It took longer than ${ms} ms.`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

test('a second server on the same database ends and names the first, which goes on', async () => {
  const first = await serve();
  const second = await serveInVain();
  expect(second.status).toBe(5);
  expect(second.stderr).toMatch(/^error\[database_in_use\]: Another EcoLink server uses this database: /);
  expect(second.stderr).toContain(`${urlOf(first)}, on the host ${hostname()} with pid ${first.child.pid}, since 20`);
  expect(second.stderr).toContain('next: Use that server, stop it first, or give this one another database');
  expect(await first.run('list-models')).toMatchObject({ status: 0 });
});

test('an assistant whose server may not start is told why, and does not wait for it', async () => {
  const first = await serve();
  await using folder = await temporaryFolder();
  const own = { ...environment(), ECOLINK_DATA_DIR: folder.path, ECOLINK_PORT: '0' };
  const { status, stderr } = await within(45_000, runProgram(['mcp'], own));
  expect(status).toBe(6);
  expect(stderr).toMatch(/error\[server_did_not_start\]: .*error\[database_in_use\]: Another EcoLink server uses this/);
  expect(stderr).toContain(urlOf(first));
});

test('a server that was killed is replaced within 30 s by one that is started then', async () => {
  await kill(await serve());
  const next = await within(takeoverMs, serve());
  expect(await next.run('list-models')).toMatchObject({ status: 0 });
});

/** A server that has begun to wait for another. `serves` resolves when it serves. */
async function startWaiting(): Promise<{ child: ChildProcess; serves: Promise<string> }> {
  const folder = await temporaryFolder();
  const own = { ...environment(), ECOLINK_DATA_DIR: folder.path, ECOLINK_PORT: '0', ECOLINK_LOG_LEVEL: 'info' };
  const child = spawn(process.execPath, [mainFile, 'serve', '--wait'], {
    env: childEnvironment(own),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await folder[Symbol.asyncDispose]();
  });
  const serves = lineWith(child.stdout, ' runs at ');
  serves.catch(() => {});
  await lineWith(child.stderr, 'another server has the lease');
  return { child, serves };
}

async function lineWith(stream: Readable, text: string): Promise<string> {
  for await (const line of createInterface(stream)) if (line.includes(text)) return line;
  throw new Error(`It ended and never said "${text}".`);
}

test('a server that waits takes over within 30 s after the first was killed', async () => {
  const first = await serve();
  const waiting = await startWaiting();
  await kill(first);
  expect(await within(takeoverMs, waiting.serves)).toContain(' runs at ');
});

test('a server that waits takes over when the first has ended', async () => {
  const first = await serve();
  const waiting = await startWaiting();
  first.child.kill('SIGTERM');
  await waiting.serves;
  expect(first.child.exitCode).toBe(0);
});

test('a server that waits ends at a signal', async () => {
  await serve();
  const { child } = await startWaiting();
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a second server does not migrate the database of the first', async () => {
  const first = await serve();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  const applied = async () => (await client.query('select name from kysely_migration order by name')).rows;
  // As if the second server were newer and had one more migration.
  await client.query('delete from kysely_migration where name = (select max(name) from kysely_migration)');
  const before = await applied();
  expect((await serveInVain()).stderr).toContain('error[database_in_use]');
  expect(await applied()).toEqual(before);
  expect(first.child.exitCode).toBeNull();
});

test('a server that cannot reach the database is replaced, and ends when it hears of that', async () => {
  await using way = await startWay();
  const first = await serve({ url: way.url });
  const ended = once(first.child, 'exit');
  way.cut();
  const second = await within(takeoverMs, serve());
  way.mend();
  expect(await ended).toEqual([5, null]);
  expect(await second.run('list-models')).toMatchObject({ status: 0 });
});

test('a server whose database was away for a while goes on', async () => {
  await using way = await startWay();
  const first = await serve({ url: way.url });
  way.cut();
  await expect.poll(() => readyStatus(first), { timeout: takeoverMs }).toBe(503);
  way.mend();
  await expect.poll(() => readyStatus(first), { timeout: takeoverMs }).toBe(200);
  expect((await serveInVain()).stderr).toContain(urlOf(first));
  expect(first.child.exitCode).toBeNull();
});

test('a server that was replaced reconciles nothing more, though its database answers', async () => {
  await using place = await startCore({ config: toyConfig, regionKinds: [toyKind()], environment: environment() });
  const source = { source: 'filesystem', filesystem: 'nfs', subfolder: 'tiny', category: 'chat' };
  await place.run('register_model', { name: 'tiny', ...source });
  const stateOf = async (instance: string) => (await place.run('get_instance', { instance }))['state'];
  await place.run('launch_instance', { model: 'tiny' });
  await expect.poll(() => stateOf('1'), { timeout: 30_000 }).toBe('running');
  const client = new Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  const other = { host: 'elsewhere', pid: 1, since: '2026-11-01T10:00:00.000Z', address: 'http://elsewhere:7420' };
  await client.query('update leases set epoch = epoch + 1, holder = $1', [JSON.stringify(other)]);
  expect(await place.core.replaced).toMatchObject({
    code: 'database_in_use',
    message: expect.stringContaining('http://elsewhere:7420'),
  });
  await place.run('launch_instance', { model: 'tiny' });
  await place.run('stop_instance', { instance: '1' });
  // Far more time than a reconciler needs, measured in answers of the database.
  for (let looks = 0; looks < 100; looks++)
    expect([await stateOf('1'), await stateOf('2')]).toEqual(['stopping', 'pending']);
});

test('a broken connection in the middle of a transaction ends no process', async () => {
  const store = await createStore('postgres', postgresDialect(database.url));
  onTestFinished(() => store[Symbol.asyncDispose]());
  const broken = store.transaction(async (transaction) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(store.db);
    // The connection is told between two queries, when no query is there to fail.
    await expect
      .poll(async () => (await sql`select 1 from pg_stat_activity where pid = ${rows[0]?.pid}`.execute(store.db)).rows)
      .toEqual([]);
    await sql`select 1`.execute(transaction);
  });
  await expect(broken).rejects.toThrow();
  await store.ping();
});

async function readyStatus(served: ServeChild): Promise<number> {
  return (await fetch(`${urlOf(served)}/readyz`)).status;
}

/** A way to the database that can be cut, as by a network. */
async function startWay(): Promise<{ url: string; cut(): void; mend(): void } & AsyncDisposable> {
  const to = new URL(database.url);
  const open = new Set<Socket>();
  let isCut = false;
  const way = createServer((socket) => {
    if (isCut) return void socket.destroy();
    const other = connect(Number(to.port), to.hostname);
    for (const [one, two] of [[socket, other] as const, [other, socket] as const]) {
      open.add(one);
      one.pipe(two);
      one
        .on('error', () => {})
        .on('close', () => {
          open.delete(one);
          two.destroy();
        });
    }
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');
  const from = new URL(to);
  from.port = String((way.address() as AddressInfo).port);
  from.hostname = '127.0.0.1';
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  return {
    url: from.href,
    cut,
    mend: () => void (isCut = false),
    async [Symbol.asyncDispose]() {
      cut();
      way.close();
      await once(way, 'close');
    },
  };
}
