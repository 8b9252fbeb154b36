import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { runScript, sourceOf } from '../support/run-script.ts';
import { makeDatabase } from '../support/stores.ts';

const server = process.env['TEST_POSTGRES_URL'] ?? '';
const config = `
runtimes:
  - { name: any, kind: local, categories: [chat], formats: [safetensors], command: [sleep, "60"] }
`;

let hub: Hub;
let folder: string;
let database: Awaited<ReturnType<typeof makeDatabase>>;
/** Two processes' worth of cores on one database, each with connections of its own. */
let one: TestCore;
let two: TestCore;
let blocker: Client;

beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', { files: { 'model.safetensors': { size: 1000, seed: 1 } } });
  folder = await mkdtemp(join(tmpdir(), 'ecolink-postgres-'));
  await writeFile(join(folder, 'ecolink.yaml'), config);
});
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  database = await makeDatabase(server);
  const environment = {
    DATABASE_URL: database.url,
    HF_ENDPOINT: hub.endpoint,
    ECOLINK_CONFIG: join(folder, 'ecolink.yaml'),
  };
  [one, two] = await Promise.all([
    startCore({ environment, reconcile: false }),
    startCore({ environment, reconcile: false }),
  ]);
  blocker = new Client({ connectionString: database.url });
  await blocker.connect();
});
afterEach(async () => {
  await blocker.end();
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** Lets both sides come as far as a write to the table, and only then go on: they have both read what was there before. */
async function together<T>(table: string, sides: (() => Promise<T>)[]): Promise<PromiseSettledResult<T>[]> {
  await blocker.query(`begin; lock table ${table} in exclusive mode`);
  const running = Promise.allSettled(sides.map((side) => side()));
  await waiters(sides.length);
  await blocker.query('commit');
  return running;
}

async function waiters(count: number): Promise<void> {
  const asked = 'select count(distinct pid)::int as count from pg_locks where not granted';
  await expect
    .poll(async () => (await blocker.query<{ count: number }>(asked)).rows[0]?.count, { timeout: 30_000 })
    .toBe(count);
}

const register = { source: 'huggingface', repo: 'acme/tiny', category: 'chat', name: 'tiny' };

describe('two servers on one PostgreSQL', () => {
  test('register a name once: the other is told that it exists', async () => {
    const ends = await together('models', [
      () => one.run('register_model', register),
      () => two.run('register_model', register),
    ]);
    expect(ends.map((end) => end.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({
      code: 'model_exists',
      kind: 'conflict',
    });
    expect(await one.run('list_models')).toMatchObject({ items: [{ name: 'tiny' }] });
  });

  test('make one token of a name', async () => {
    const person = await one.core.access.local();
    const ends = await together('tokens', [
      () => one.core.access.createToken(person, 'ci', ['call']),
      () => two.core.access.createToken(person, 'ci', ['call']),
    ]);
    expect(ends.map((end) => end.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({ code: 'token_exists' });
  });

  test('make one admin of two people who claim with a code each', async () => {
    const codes = [await one.core.claims.offer(), await two.core.claims.offer()];
    const claim = (core: TestCore, index: number) => () =>
      core.core.claims.claim(codes[index] ?? '', { team: 'T1', user: `U${index}`, name: `person${index}` });
    const ends = await together('claim_codes', [claim(one, 0), claim(two, 1)]);
    expect(ends.map((end) => end.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({ code: 'claim_refused' });
  });

  test('run an idempotency key once: both answer with the one outcome', async () => {
    const input = { ...register, idempotency_key: 'k-1' };
    const ends = await together('idempotency', [
      () => one.run('register_model', input),
      () => two.run('register_model', input),
    ]);
    expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'fulfilled']);
    const launch = { model: 'tiny', idempotency_key: 'k-2' };
    const launched = await together('instances', [
      () => one.run('launch_instance', launch),
      () => two.run('launch_instance', launch),
    ]);
    const instances = launched.map((end) => (end.status === 'fulfilled' ? end.value['instance'] : end.reason));
    expect(new Set(instances).size).toBe(1);
    expect((await one.run('list_instances'))['items']).toHaveLength(1);
  });

  test('make one person of an account that both see first, under two names', async () => {
    const account = { person: 'slack:T1/UADA', role: 'member' };
    const ends = await together('identities', [
      () => one.run('set_role', { ...account, name: 'ada' }),
      () => two.run('set_role', account),
    ]);
    expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'fulfilled']);
    const { items } = await one.run('list_people');
    expect((items as { identities: string[] }[]).map(({ identities }) => identities)).toContainEqual(['slack:T1/UADA']);
    expect(items).toHaveLength(2);
  });

  test('never launch what is being deleted: the delete came first', async () => {
    await one.run('register_model', register);
    await blocker.query('begin; lock table instances in exclusive mode');
    const launching = one.run('launch_instance', { model: 'tiny' }).catch((thrown: unknown) => thrown);
    await waiters(1);
    await two.run('delete_model', { model: 'tiny' });
    await blocker.query('commit');
    expect(await launching).toMatchObject({ code: 'model_not_found' });
  });

  test('never delete what is being launched: the launch came first', async () => {
    await one.run('register_model', register);
    await blocker.query('begin; lock table idempotency in exclusive mode');
    const launching = one.run('launch_instance', { model: 'tiny', idempotency_key: 'k-1' });
    await waiters(1);
    const deleting = two.run('delete_model', { model: 'tiny' }).catch((thrown: unknown) => thrown);
    await waiters(2);
    await blocker.query('commit');
    expect(await launching).toMatchObject({ state: 'pending' });
    expect(await deleting).toMatchObject({ code: 'model_in_use' });
  });
});

test('processes that start together migrate an empty database once', async () => {
  await using empty = await makeDatabase(server);
  const script = `
    import { openStore } from ${sourceOf('core/store/store.ts')};
    await using store = await openStore({ dataDir: '/nowhere', databaseUrl: ${JSON.stringify(empty.url)} });
    await store.ping();`;
  const ends = await Promise.all([1, 2, 3].map(() => runScript(script)));
  expect(ends).toEqual(ends.map(() => ({ code: 0, output: '' })));
});
