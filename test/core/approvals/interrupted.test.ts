import { expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { startCore } from '../../support/core.ts';
import { decisionPlace, machine, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const policy = `
policy:
  - when: { operations: [launch_instance, delete_model, delete_instance] }
    require: { approvers: { roles: [approver] } }
`;
const past = `'2026-01-01T00:00:00.000Z'`;

/** As a server that died leaves it; what is answered runs a server on the same data folder until the end of `work`. */
async function afterRestart(p: DecisionPlace, work: (run: DecisionPlace['run']) => Promise<void>): Promise<void> {
  await p.place.core[Symbol.asyncDispose]();
  await using again = await startCore({ dataDir: p.place.dataDir, config: p.config });
  await work((who, operation, input = {}) => again.core.execute(operation, input, who));
}

async function approved(p: DecisionPlace, operation: string, input: object): Promise<{ ada: Caller; max: Caller }> {
  const { ada, max } = p;
  await p.run(max, operation, input);
  await p.run(ada, 'approve_request', { approval: '1' });
  return { ada, max };
}

async function settles(run: DecisionPlace['run'], ada: Caller, state: string): Promise<void> {
  await expect
    .poll(async () => (await run(ada, 'get_approval', { approval: '1' }))['state'], { timeout: 15_000 })
    .toBe(state);
}

const instances = async (run: DecisionPlace['run'], who: Caller) =>
  ((await run(who, 'list_instances'))['items'] as object[]).length;

test('a server that dies right after the last vote runs it at its next start', async () => {
  await using p = await decisionPlace(policy, false);
  const { ada } = await approved(p, 'launch_instance', { model: 'tiny' });
  expect(await p.approval(1)).toMatchObject({ state: 'approved' });
  await afterRestart(p, async (run) => {
    await settles(run, ada, 'done');
    expect(await instances(run, ada)).toBe(1);
  });
});

test('one that dies after it took the run, and before it did anything, runs it then', async () => {
  await using p = await decisionPlace(policy, false);
  const { ada } = await approved(p, 'launch_instance', { model: 'tiny' });
  p.meddle(`update approvals set state = 'running', claimed_until = ${past}`);
  await afterRestart(p, async (run) => {
    await settles(run, ada, 'done');
    expect(await instances(run, ada)).toBe(1);
  });
});

test('one that dies after the launch, and before it noted that, launches nothing again', async () => {
  await using p = await decisionPlace(policy);
  const { ada } = await approved(p, 'launch_instance', { model: 'tiny' });
  await settles(p.run, ada, 'done');
  p.meddle(`update approvals set state = 'running', outcome = null, claimed_until = ${past}`);
  await afterRestart(p, async (run) => {
    await settles(run, ada, 'done');
    expect(await run(ada, 'get_approval', { approval: '1' })).toMatchObject({ instance: 1 });
    expect(await instances(run, ada)).toBe(1);
  });
});

test('one that dies after a deletion says that it is done, not that there is nothing to delete', async () => {
  await using p = await decisionPlace(policy);
  const deletion = { model: 'tiny', idempotency_key: 'delete-1' };
  const { ada, max } = await approved(p, 'delete_model', deletion);
  await settles(p.run, ada, 'done');
  p.meddle(`update approvals set state = 'running', outcome = null, claimed_until = ${past}`);
  p.meddle(`delete from idempotency where operation = 'approved_request'`);
  await afterRestart(p, async (run) => {
    await settles(run, ada, 'done');
    expect(await run(ada, 'list_models')).toMatchObject({ items: [] });
    expect(await run(max, 'delete_model', deletion)).toMatchObject({ state: 'deleted' });
  });
});

test('what was approved does not run once the votes for it do not count, nor once its time is over', async () => {
  await using p = await decisionPlace(policy, false);
  const { ada } = await approved(p, 'launch_instance', { model: 'tiny' });
  const demoted = people.replace('name: ada, role: approver', 'name: ada, role: member');
  await p.configure(demoted + policy);
  await p.place.core[Symbol.asyncDispose]();
  const config = p.config.replace(people, demoted);
  expect(config).toContain(machine);
  await using again = await startCore({ dataDir: p.place.dataDir, config });
  const view = () => again.run('get_approval', { approval: '1' });
  await expect.poll(async () => (await view())['state'], { timeout: 15_000 }).toBe('pending');
  expect(await view()).toMatchObject({ missing: 1, votes: [{ person: 'ada', counts: false }] });
  p.meddle(`update approvals set state = 'approved', expires_at = ${past}`);
  await expect.poll(async () => (await view())['state'], { timeout: 15_000 }).toBe('expired');
  expect(await again.run('list_instances')).toMatchObject({ items: [] });
  expect(ada.person.role).toBe('approver');
});
