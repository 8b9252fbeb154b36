import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EcolinkError } from '../../src/core/base/errors.ts';
import { capturedLog } from '../support/captured-log.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import type { ModelFolder } from '../support/model-folder.ts';
import { callerWithRole, onePersonOfEachRole } from '../support/people.ts';

let log: ReturnType<typeof capturedLog>;
let folder: ModelFolder;
let place: TestCore;
beforeEach(async () => {
  log = capturedLog();
  folder = await modelFolder();
  place = await startCore({ reconcile: false, config: folder.config + onePersonOfEachRole, log: log.log });
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Does to the database what nothing in the program would. */
function meddle(statement: string): void {
  const database = new Sqlite(join(place.dataDir, 'ecolink.db'));
  database.exec(statement);
  database.close();
}

async function failure(running: Promise<unknown>): Promise<EcolinkError> {
  const thrown: unknown = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof EcolinkError)) throw new Error('It did not fail, or not with an error that may be shown');
  return thrown;
}

/** Without the rows of looking at it, which is audited too. */
async function audit(): Promise<Record<string, unknown>[]> {
  const { items } = await place.run('list_audit', { limit: 100 });
  return (items as Record<string, unknown>[]).filter((item) => item['operation'] !== 'list_audit');
}

async function names(): Promise<unknown[]> {
  const { items } = await place.run('list_models');
  return (items as { name: string }[]).map((item) => item.name);
}

describe('the audit', () => {
  test('has a row before and a row after whatever changes something, and none for what reads', async () => {
    await place.run('register_model', tiny);
    await place.run('list_models');
    const [closed, opened] = await audit();
    const both = {
      person: place.local.person.name,
      identity: 'local',
      agent: false,
      source: 'cli',
      operation: 'register_model',
    };
    expect(opened).toMatchObject({ ...both, event: 'opened' });
    expect(JSON.parse(opened?.['input'] as string)).toEqual(tiny);
    expect(closed).toMatchObject({ ...both, event: 'closed', opened: opened?.['number'], outcome: 'done' });
    expect(closed?.['request']).toBe(opened?.['request']);
    expect(await audit()).toHaveLength(2);
  });

  test('says of a failed operation with which code it failed', async () => {
    await failure(place.run('delete_model', { model: 'nothing' }));
    expect((await audit())[0]).toMatchObject({ event: 'closed', outcome: 'failed', code: 'model_not_found' });
  });

  test('is asked for who, what and when, page by page', async () => {
    await place.run('register_model', tiny);
    await failure(place.run('delete_model', { model: 'nothing' }, await callerWithRole(place.core, 'member')));
    const list = async (query: object) => (await place.run('list_audit', query))['items'] as { number: number }[];
    expect(await list({ actor: 'member' })).toHaveLength(2);
    expect(await list({ operation: 'register-model' })).toHaveLength(2);
    expect(await list({ since: '2999-01-01T00:00:00Z' })).toEqual([]);
    await place.run('register_model', { ...tiny, name: 'other' });
    const paged = { operation: 'register_model', limit: 3 };
    const first = await place.run('list_audit', paged);
    const second = await list({ ...paged, cursor: first['next_cursor'] });
    const numbers = [...(first['items'] as { number: number }[]), ...second].map((item) => item.number);
    expect(numbers).toHaveLength(4);
    expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
  });

  test('that cannot be opened keeps the operation from running', async () => {
    meddle('alter table audit_events rename to elsewhere');
    expect(await failure(place.run('register_model', tiny))).toMatchObject({ kind: 'unexpected' });
    expect(await names()).toEqual([]);
  });

  test('that cannot be closed fails nothing, and is closed as interrupted when the server starts again', async () => {
    meddle(
      "create trigger deaf before insert on audit_events when new.event = 'closed' begin select raise(abort, 'deaf'); end",
    );
    expect(await place.run('register_model', tiny)).toMatchObject({ state: 'registered' });
    meddle('drop trigger deaf');
    expect(await audit()).toMatchObject([{ event: 'opened' }]);
    await using server = await startCore({ dataDir: place.dataDir, config: folder.config });
    expect(await server.run('list_audit', { operation: 'register_model' })).toMatchObject({
      items: [{ event: 'closed', outcome: 'interrupted', operation: 'register_model' }, { event: 'opened' }],
    });
  });
});

describe('what nobody foresaw', () => {
  test('is one calm sentence with a reference, and the log has the cause under it', async () => {
    meddle('drop table models');
    const error = await failure(place.run('list_models'));
    const body = error.toBody();
    expect(body).toMatchObject({ code: 'unexpected', retryable: false });
    expect(body.message).toMatch(/^Something went wrong inside EcoLink \(reference req_[0-9a-f]{20}\)\.$/);
    expect(JSON.stringify(body)).not.toMatch(/no such table|\.ts|at /);
    const reference = /req_[0-9a-f]+/.exec(body.message)?.[0];
    const line = log.lines().find((each) => each['request'] === reference);
    expect(line).toMatchObject({ operation: 'list_models', err: { message: 'no such table: models' } });
    expect(JSON.stringify(line)).toContain('table.ts');
  });

  test('is an answer too that does not fit what the operation promises', async () => {
    await place.run('register_model', tiny);
    meddle("update models set entry = json_set(entry, '$.licence', 7)");
    expect(await failure(place.run('get_model', { model: 'tiny' }))).toMatchObject({ kind: 'unexpected' });
  });

  test('closes the audit as failed', async () => {
    meddle('drop table selections');
    await failure(place.run('register_model', tiny));
    expect((await audit())[0]).toMatchObject({ event: 'closed', outcome: 'failed', code: 'unexpected' });
  });
});

describe('an idempotency key', () => {
  const keyed = { ...tiny, idempotency_key: 'k-1' };

  test('answers a repeated call with the first outcome and does nothing again', async () => {
    const first = await place.run('register_model', keyed);
    expect(first).not.toHaveProperty('replayed');
    const again = { ...first, replayed: true, first_called_at: expect.stringMatching(/^\d{4}-/) };
    expect(await place.run('register_model', keyed)).toEqual(again);
    expect(await audit()).toHaveLength(2);
  });

  test('refuses another input', async () => {
    await place.run('register_model', keyed);
    const other = await failure(place.run('register_model', { ...keyed, name: 'other' }));
    expect(other).toMatchObject({ kind: 'conflict', code: 'idempotency_key_used', field: 'idempotency_key' });
    expect(await names()).toEqual(['tiny']);
  });

  test('belongs to one person and one operation', async () => {
    await place.run('register_model', keyed);
    const member = await callerWithRole(place.core, 'member');
    await place.run('register_model', { ...keyed, name: 'other' }, member);
    await place.run('delete_model', { model: 'tiny', idempotency_key: 'k-1' });
    expect(await names()).toEqual(['other']);
  });

  test('is free again after a failure, and after seven days', async () => {
    expect(await failure(place.run('register_model', { ...keyed, subfolder: 'missing' }))).toMatchObject({
      code: 'subfolder_not_found',
    });
    await place.run('register_model', keyed);
    const day = 24 * 3600_000;
    meddle(`update idempotency set created_at = '${new Date(Date.now() - 7 * day + 60_000).toISOString()}'`);
    expect(await failure(place.run('register_model', { ...keyed, name: 'b' }))).toMatchObject({ kind: 'conflict' });
    meddle(`update idempotency set created_at = '${new Date(Date.now() - 7 * day - 1).toISOString()}'`);
    expect(await place.run('register_model', { ...keyed, name: 'b' })).toMatchObject({ model: 'b' });
  });

  test('answers with the present state of what the first call made', async () => {
    await place.run('register_model', keyed);
    const launch = { model: 'tiny', idempotency_key: 'k-2' };
    const { instance } = await place.run('launch_instance', launch);
    expect(await place.run('launch_instance', launch)).toMatchObject({ instance, state: 'pending' });
    await place.run('stop_instance', { instance: String(instance) });
    const replayed = await place.run('launch_instance', launch);
    expect(replayed).toMatchObject({ instance, model_id: `tiny:${String(instance)}`, state: 'stopping' });
    expect(replayed['next_step']).toContain('restart_instance');
    meddle("update instances set state = 'stopped'; update instance_regions set state = 'stopped'");
    await place.run('delete_instance', { instance: String(instance) });
    expect(await place.run('launch_instance', launch)).toMatchObject({ instance, state: 'deleted' });
    await place.run('delete_model', { model: 'tiny' });
    expect(await place.run('register_model', keyed)).toMatchObject({ model: 'tiny', state: 'deleted' });
  });

  test('gives one effect and one answer to calls that run at once', async () => {
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => place.run('register_model', keyed)));
    const answers = outcomes.map(({ replayed: _replayed, first_called_at: _at, ...outcome }) =>
      JSON.stringify(outcome),
    );
    expect(new Set(answers).size).toBe(1);
    expect(outcomes.filter(({ replayed }) => replayed !== true)).toHaveLength(1);
    const launch = { model: 'tiny', idempotency_key: 'k-2' };
    const launched = await Promise.all([1, 2, 3, 4].map(() => place.run('launch_instance', launch)));
    expect(new Set(launched.map((outcome) => outcome['instance'])).size).toBe(1);
    expect((await place.run('list_instances'))['items']).toHaveLength(1);
    expect((await audit()).filter((event) => event['outcome'] === 'failed')).toEqual([]);
  });
});

test('of calls that register one name at once, one does and the others are told that it exists', async () => {
  const ends = await Promise.allSettled([1, 2, 3].map(() => place.run('register_model', tiny)));
  expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1);
  for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'model_exists' });
});
