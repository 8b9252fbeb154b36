import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startCore } from '../support/core.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import type { ModelFolder } from '../support/model-folder.ts';
import { startTestServer } from '../support/server.ts';
import { makeDatabase } from '../support/stores.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const decisions = (quorum: number) => `
people:
  - { name: root, role: admin, identities: [local] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: bo, role: approver, identities: ["slack:T1/BO"] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
policy:
  - when: { operations: [launch_instance] }
    require: { approvers: { people: [ada, bo] }, quorum: ${quorum} }
`;
const patient = { timeout: 40_000 };

let root: string;
let folder: ModelFolder;
let database: Awaited<ReturnType<typeof makeDatabase>>;
let environment: Record<string, string>;
let blocker: Client;
let tokens: Record<string, string>;
let servers: { child: ChildProcess; url: string }[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ecolink-decisions-'));
  folder = await modelFolder();
  database = await makeDatabase(process.env['TEST_POSTGRES_URL'] ?? '');
  await writeFile(join(root, 'ecolink.yaml'), folder.config + decisions(1));
  environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: root,
    ECOLINK_CONFIG: join(root, 'ecolink.yaml'),
    ECOLINK_PORT: '0',
    ECOLINK_LOG_LEVEL: 'fatal',
    ECOLINK_KEY: Buffer.alloc(32, 2).toString('base64'),
    ECOLINK_AUDIT_KEY: Buffer.alloc(32, 1).toString('base64'),
    HF_ENDPOINT: 'http://127.0.0.1:9',
    DATABASE_URL: database.url,
  };
  tokens = await makeTokens();
  servers = [];
  blocker = new Client({ connectionString: database.url });
  await blocker.connect();
});
afterEach(async () => {
  await blocker.end();
  await Promise.all(servers.map(({ child }) => end(child, 'SIGTERM')));
  await database[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** Ada and Bo may decide with theirs, Max asks with his. */
async function makeTokens(): Promise<Record<string, string>> {
  await using place = await startCore({ environment, reconcile: false });
  const made: Record<string, string> = {};
  for (const person of await place.core.access.membersOf({ people: ['ada', 'bo', 'max'] })) {
    const kind = { mayDecide: person.name !== 'max' };
    made[person.name] = (await place.core.access.createToken(person, person.name, ['operate'], kind)).token;
  }
  await place.run('register_model', tiny);
  return made;
}

async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const env = { ...environment, ECOLINK_DATA_DIR: await mkdtemp(join(root, 'server-')) };
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('serve has no standard output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const server = { child, url: /http:\S+/.exec(line)?.[0] ?? '' };
  servers.push(server);
  return server;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

type Answer = { status: number; body: Record<string, unknown> };

async function call({ url }: { url: string }, who: string, operation: string, input: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/operations/${operation}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(input),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const approve = (server: { url: string }, who: string) => call(server, who, 'approve_request', { approval: '1' });

async function query<T>(text: string): Promise<T[]> {
  return (await blocker.query(text)).rows as T[];
}

const state = async () => (await query<{ state: string }>('select state from approvals'))[0]?.state;
const instances = async () =>
  (await query<{ count: number }>('select count(*)::int as count from instances'))[0]?.count;

/** Until so many sessions wait for a lock that somebody else holds. */
async function waiters(count: number): Promise<void> {
  const asked = 'select count(distinct pid)::int as count from pg_locks where not granted';
  await expect
    .poll(async () => (await query<{ count: number }>(asked))[0]?.count, patient)
    .toBeGreaterThanOrEqual(count);
}

/** Lets calls come as far as their first write to a request, and only then go on: all have read what was there before. */
async function together(calls: (() => Promise<Answer>)[]): Promise<Answer[]> {
  await blocker.query('begin; lock table approvals in exclusive mode');
  const answers = Promise.all(calls.map((each) => each()));
  await waiters(calls.length);
  await blocker.query('commit');
  return answers;
}

/** The server of the database, in a process of its own, and a second one in this process. Only the first reconciles. */
async function both(): Promise<[{ url: string }, { url: string }]> {
  const one = await serve();
  const two = await startTestServer({ environment });
  onTestFinished(() => two[Symbol.asyncDispose]());
  return [one, two];
}

describe('two servers on one database', () => {
  test('take a double click on both for one decision, and run it once', async () => {
    const [one, two] = await both();
    await call(one, 'max', 'launch_instance', { model: 'tiny' });
    const answers = await together([() => approve(one, 'ada'), () => approve(two, 'ada')]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(JSON.stringify(answers)).toContain('already by ada at');
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
  });

  test('count the last of two votes once, when both come at once on both', async () => {
    await writeFile(environment['ECOLINK_CONFIG'] ?? '', folder.config + decisions(2));
    const [one, two] = await both();
    await call(one, 'max', 'launch_instance', { model: 'tiny' });
    const answers = await together([() => approve(one, 'ada'), () => approve(two, 'bo')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
    expect(await query('select person_id from votes')).toHaveLength(2);
  });

  test('join what is asked of both at once', async () => {
    const [one, two] = await both();
    const answers = await together(
      [one, two].map((server) => () => call(server, 'max', 'launch_instance', { model: 'tiny' })),
    );
    expect(answers.map(({ body }) => (body['approval'] as { id: number }).id)).toEqual(
      [answers[0]?.body['approval'], answers[0]?.body['approval']].map((approval) => (approval as { id: number }).id),
    );
    expect(await query('select id from approvals')).toHaveLength(1);
  });
});

describe('a server that is killed', () => {
  const asked = async () => {
    const one = await serve();
    await call(one, 'max', 'launch_instance', { model: 'tiny' });
    return one;
  };
  /** What the dead server's claim comes to in time. */
  const forget = () => query(`update approvals set claimed_until = '2026-01-01T00:00:00.000Z' where state = 'running'`);

  test('in the middle of a vote has not counted it', async () => {
    const one = await asked();
    await blocker.query('begin; lock table votes in exclusive mode');
    const voting = approve(one, 'ada').catch(() => undefined);
    await waiters(1);
    await end(one.child, 'SIGKILL');
    await blocker.query('commit');
    await voting;
    await expect.poll(() => query('select 1 from pg_locks where not granted'), patient).toEqual([]);
    expect([await state(), await instances()]).toEqual(['pending', 0]);
    const two = await serve();
    expect(await approve(two, 'ada')).toMatchObject({ status: 200 });
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
  });

  test('right after the vote leaves the run to the next', async () => {
    const one = await asked();
    expect(await approve(one, 'ada')).toMatchObject({ status: 200 });
    await end(one.child, 'SIGKILL');
    await forget();
    await serve();
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
  });

  test.each(['instances', 'idempotency'])('while it writes to %s leaves nothing half done', async (table) => {
    const one = await asked();
    await blocker.query(`begin; lock table ${table} in exclusive mode`);
    await approve(one, 'ada');
    await waiters(1);
    await end(one.child, 'SIGKILL');
    await blocker.query('commit');
    await expect.poll(() => query('select 1 from pg_locks where not granted'), patient).toEqual([]);
    await forget();
    expect([await state(), await instances()]).toEqual(['running', 0]);
    await serve();
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
  });

  test('after the launch and before it noted that has launched once', async () => {
    const one = await asked();
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    await blocker.query('begin; lock table instances in exclusive mode');
    await approve(one, 'ada');
    await waiters(1);
    await holder.query('begin; select 1 from approvals for update');
    await blocker.query('commit');
    await expect.poll(instances, patient).toBe(1);
    await waiters(1);
    await end(one.child, 'SIGKILL');
    // The dead server's last statement would still be carried out, as nobody's.
    await query(`select pg_terminate_backend(pid) from pg_locks where not granted`);
    await holder.query('commit');
    await holder.end();
    await forget();
    expect(await state()).toBe('running');
    await serve();
    await expect.poll(state, patient).toBe('done');
    expect(await instances()).toBe(1);
  });
});
