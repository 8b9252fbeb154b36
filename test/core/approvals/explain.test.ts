import Sqlite from 'better-sqlite3';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { tiny } from '../../support/model-folder.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const withViewer = `${people}  - { name: vic, role: viewer, identities: ["slack:T1/VIC"] }\n`;

let p: DecisionPlace;
let max: Caller;
let mia: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ max, mia } = p);
  await p.configure(withViewer);
  await p.run(max, 'register_model', { ...tiny, name: 'secret', private: true });
});
afterEach(() => p[Symbol.asyncDispose]());

const explain = (who: Caller, operation: string, input: object = {}, more: object = {}) =>
  p.run(who, 'explain_policy', { operation, input: JSON.stringify(input), ...more });

const refusals = new Set(['role_missing', 'scope_missing', 'may_not_decide']);

async function codeOf(call: Promise<unknown>): Promise<string> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown instanceof EcolinkError ? thrown.code : 'done';
}

test('explaining a call needs the role, the scope and the right to decide that the call needs', async () => {
  const vic = await p.as('vic');
  const reader: Caller = { ...max, scopes: ['read'] };
  const agent = await p.withToken('root', { agent: true });
  for (const { name, examples } of catalogue) {
    for (const who of [vic, reader, agent]) {
      const called = await codeOf(p.run(who, name, { no_such_field: 1 }));
      const explained = await codeOf(explain(who, name, examples[0]));
      // Past the rights, the call fails because of its field. The explanation may fail because of the world.
      if (refusals.has(called)) expect([name, explained]).toEqual([name, called]);
      else expect([name, refusals.has(explained)]).toEqual([name, false]);
    }
  }
});

test('an explanation as an agent is refused what agents may not do', async () => {
  const root = await p.as('root');
  const input = { person: 'max', role: 'viewer' };
  expect(await explain(root, 'set_role', input)).toMatchObject({ answer: 'allow' });
  expect(await codeOf(explain(root, 'set_role', input, { agent: true }))).toBe('may_not_decide');
});

test('an explanation tells nothing about what is private and of others', async () => {
  const { instance } = await p.run(max, 'launch_instance', { model: 'secret' });
  const volume = String(instance);
  for (const [operation, input, missing] of [
    ['launch_instance', { model: 'secret' }, { model: 'absent' }],
    ['delete_model', { model: 'secret' }, { model: 'absent' }],
    ['stop_instance', { instance: volume }, { instance: '99' }],
    ['restart_instance', { instance: volume }, { instance: '99' }],
  ] as const) {
    const [hidden, absent] = await Promise.all([
      explain(mia, operation, input).catch((error: unknown) => error),
      explain(mia, operation, missing).catch((error: unknown) => error),
    ]);
    expect([operation, (hidden as EcolinkError).code]).toEqual([operation, (absent as EcolinkError).code]);
    expect((hidden as EcolinkError).code).toMatch(/_not_found$/);
  }
});

test('what the policy denies anyway is explained without a look at the world', async () => {
  await p.configure(`${people}\npolicy: [{ name: calm, when: { operations: [launch_instance] }, deny: Not now. }]\n`);
  expect(await explain(mia, 'launch_instance', { model: 'absent' })).toMatchObject({
    answer: 'deny',
    rule: 'calm',
    considered: ['calm: it fits'],
    summary: [],
  });
});

test('the audit keeps who had which call explained', async () => {
  await explain(max, 'launch_instance', { model: 'secret' });
  const { items } = await p.place.core.execute('list_audit', { operation: 'explain_policy' }, await p.as('root'));
  expect(items.map(({ event, person }) => [event, person])).toEqual([
    ['closed', 'max'],
    ['opened', 'max'],
  ]);
});

/** Everything that is stored, except what the audit itself adds. */
function stored(): Record<string, unknown[]> {
  const database = new Sqlite(join(p.place.dataDir, 'ecolink.db'), { readonly: true });
  const tables = database
    .prepare<[], { name: string }>(`select name from sqlite_master where type = 'table' order by name`)
    .all()
    .map(({ name }) => name)
    .filter((name) => !/^(?:audit_|kysely_|sqlite_)/.test(name));
  const rows = tables.map((name) => [name, database.prepare(`select * from "${name}"`).all()] as const);
  database.close();
  return Object.fromEntries(rows);
}

test('an operation that reads changes nothing that is stored, whatever it is given', async () => {
  const quiet = await decisionPlace('', false);
  await p[Symbol.asyncDispose]();
  p = quiet;
  const root = await p.as('root');
  await p.run(p.max, 'launch_instance', { model: 'tiny' });
  const agent = await p.withToken('max', { agent: true });
  await p.run(agent, 'launch_instance', { model: 'tiny' });
  const inputs: Record<string, object[]> = {
    check_model: [{ ...tiny, name: undefined }],
    get_model: [{ model: 'tiny' }],
    get_instance: [{ instance: '1' }],
    get_instance_logs: [{ instance: '1' }],
    plan_launch: [{ model: 'tiny' }],
    get_approval: [{ approval: '1' }],
    verify_audit: [{ replay: true }],
    // Each mutation is previewed.
    explain_policy: [
      { operation: 'launch_instance', input: '{"model":"tiny"}' },
      { operation: 'scale_instance', input: '{"instance":"1","replicas":3}' },
      { operation: 'restart_instance', input: '{"instance":"1"}' },
      { operation: 'stop_instance', input: '{"instance":"1"}' },
      { operation: 'delete_model', input: '{"model":"tiny"}' },
      { operation: 'approve_request', input: '{"approval":"1"}' },
      { operation: 'register_model', input: JSON.stringify({ ...tiny, name: 'third' }) },
    ],
  };
  const before = stored();
  for (const { name, effect, examples } of catalogue) {
    if (effect !== 'read') continue;
    for (const input of inputs[name] ?? examples) await p.run(root, name, input).catch(() => undefined);
    expect({ name, ...stored() }).toEqual({ name, ...before });
  }
});
