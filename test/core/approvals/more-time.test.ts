import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import type { Ending } from '../../../src/core/instances/ending.ts';
import { startCore } from '../../support/core.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

let p: DecisionPlace;
let ada: Caller;
let max: Caller;
let agent: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ ada, max } = p);
  agent = await p.withToken('max', { agent: true });
});
afterEach(() => p[Symbol.asyncDispose]());

const launch = (input: object = {}) => p.run(max, 'launch_instance', { model: 'tiny', ...input });
const extend = (who: Caller, after: string, more = {}) =>
  p.run(who, 'extend_instance', { instance: '1', stop_after: after, ...more });
const view = () => p.run(max, 'get_instance', { instance: '1' });
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const endsIn = (minutes: number) => p.meddle(`update instances set stop_at = '${inMinutes(minutes)}'`);

describe('more time', () => {
  test('is counted from now, for the owner and nobody else but an admin, and an end for what has none', async () => {
    await launch({ stop_after: '1h' });
    const before = inMinutes(8 * 60);
    const receipt = await extend(max, '8h');
    const { stop_at: at } = await view();
    const span = [before, at as string, inMinutes(8 * 60)];
    expect(span).toEqual(span.toSorted());
    expect(receipt).toMatchObject({ instance: 1, next_step: `It stops by itself at ${at as string}.` });
    await expect(extend(ada, '9h')).rejects.toMatchObject({ code: 'not_owner' });
    await extend(await p.as('root'), '10m');
    await expect(extend(max, '400d')).rejects.toMatchObject({ code: 'stop_after_too_long' });

    await launch();
    await p.run(max, 'extend_instance', { instance: '2', stop_after: '1h' });
    expect(await p.run(max, 'get_instance', { instance: '2' })).toHaveProperty('stop_at');
  });

  test('asked for by an agent waits for a person, and so does less time', async () => {
    await launch({ stop_after: '4h' });
    expect(await extend(agent, '2h')).toMatchObject({ state: 'awaiting_approval', approval: { id: 1 } });
    const held = await extend(agent, '8h', { reason: 'the demo moved' });
    expect(held).toMatchObject({ state: 'awaiting_approval', approval: { id: 2 } });
    expect((await p.approval(2))['summary']).toEqual([
      'Let tiny:1 of max run for another 8h, counted from the approval',
      `Now it stops at ${(await view())['stop_at'] as string}`,
      '1 replica in local',
      'Cost: 0 per hour',
      'Reason: the demo moved',
    ]);
    await p.run(ada, 'approve_request', { approval: '2' });
    await p.reaches('done', 2);
    expect(Date.parse((await view())['stop_at'] as string)).toBeGreaterThan(Date.now() + 7 * 3600_000);
  });

  test('asked for by a person waits where all that they hold costs too much', async () => {
    await p.configure(`${people}\napprovals: { person_cost_per_hour: 3 }`);
    await launch({ accelerator: 'h100', stop_after: '1h' });
    expect(await extend(max, '2h')).toMatchObject({ instance: 1 });
    p.meddle(`update instances set spec = replace(spec, '"acceleratorCount":1', '"acceleratorCount":2')`);
    expect(await extend(max, '3h')).toMatchObject({ state: 'awaiting_approval' });
  });

  test('is stale where the end was moved meanwhile, and where the instance has stopped', async () => {
    await launch({ stop_after: '1h' });
    await extend(agent, '8h');
    await extend(max, '2h');
    const stale = { code: 'request_stale', message: expect.stringContaining('when it stops was') };
    await expect(p.run(ada, 'approve_request', { approval: '1' })).rejects.toMatchObject(stale);
    await extend(agent, '9h');
    await p.run(max, 'stop_instance', { instance: '1' });
    await expect(p.run(ada, 'approve_request', { approval: '2' })).rejects.toMatchObject({ code: 'request_stale' });
  });

  test('and a scale at the same moment: neither undoes the other', async () => {
    await launch({ stop_after: '1h' });
    const ends = await Promise.allSettled([
      p.run(max, 'scale_instance', { instance: '1', replicas: 2 }),
      extend(max, '8h'),
    ]);
    // Of an hour it would not be near yet.
    endsIn(59);
    const now = await view();
    const done = ends.map(({ status }) => status === 'fulfilled');
    expect([now['replicas'] === 2, 'warning' in now]).toEqual(done);
    expect(done).toContain(true);
    for (const each of ends.filter(({ status }) => status === 'rejected'))
      expect(each).toMatchObject({ reason: { code: 'changed_meanwhile', retryable: true } });
  });

  test('comes anew with the restart of a stopped instance, so that a rule that demands an end is not slipped past', async () => {
    await p.configure(`${people}\npolicy: [{ name: an end, when: { stop_after: false }, deny: Give stop_after. }]`);
    await expect(launch()).rejects.toMatchObject({ code: 'policy_denied' });
    await launch({ stop_after: '1h' });
    await p.run(max, 'restart_instance', { instance: '1' });
    await p.run(max, 'stop_instance', { instance: '1' });
    await expect.poll(async () => (await view())['state'], { timeout: 15_000 }).toBe('stopped');
    expect((await view())['stop_at']).toBeUndefined();
    await p.run(max, 'restart_instance', { instance: '1' });
    expect(await view()).toHaveProperty('stop_at');
    await p.run(max, 'stop_instance', { instance: '1' });
    await expect.poll(async () => (await view())['state'], { timeout: 15_000 }).toBe('stopped');
    p.meddle(`update instances set spec = replace(spec, ',"stopAfter":"1h"', '')`);
    await expect(p.run(max, 'restart_instance', { instance: '1' })).rejects.toMatchObject({ code: 'policy_denied' });
  });
});

describe('the end of an instance', () => {
  test('is said where it is looked at once it is near: an hour before, or the last quarter of a shorter time', async () => {
    await launch({ stop_after: '4h' });
    expect((await view())['warning']).toBeUndefined();
    endsIn(59);
    expect((await view())['warning']).toMatch(/^It stops by itself at 2.*extend_instance \(instance: 1/);
    p.meddle(`update instances set spec = replace(spec, '4h', '60m')`);
    expect((await view())['warning']).toBeUndefined();
    endsIn(14);
    expect((await view())['warning']).toBeDefined();
  });

  test('makes whoever follows it look again', async () => {
    await launch({ stop_after: '2h' });
    const seen = new Promise<void>((resolve) => {
      p.place.core.changes.subscribe(({ kind, id }) => (kind === 'instance' && id === '1' ? resolve() : undefined));
    });
    // What a change of state says is over by then.
    await p.run(max, 'get_instance', { instance: '1', wait_seconds: 30 });
    endsIn(29);
    await expect(seen).resolves.toBeUndefined();
  });

  test('is told to its owner once, on whichever server and after a restart too, and again when it was moved', async () => {
    await launch({ stop_after: '2h' });
    const told: Ending[] = [];
    const warn = async (ending: Ending): Promise<void> => void told.push(ending);
    await p.place.core.endings.warnOwners(warn);
    expect(told).toEqual([]);

    endsIn(29);
    const failed = p.place.core.endings.warnOwners(() => Promise.reject(new Error('Slack is away')));
    await expect(failed).rejects.toThrow('Slack is away');
    await p.place.core.endings.warnOwners(warn);
    expect(told).toEqual([]);
    // A minute later whoever looks takes it over.
    p.meddle(`update notices set claimed_until = '2026-01-01T00:00:00.000Z'`);
    await using other = await startCore({ dataDir: p.place.dataDir, config: p.config, reconcile: false });
    await Promise.all([p.place, other, p.place].map(({ core }) => core.endings.warnOwners(warn)));
    expect(told).toMatchObject([{ instance: 1, modelId: 'tiny:1', identities: ['slack:T1/MAX'] }]);
    await using later = await startCore({ dataDir: p.place.dataDir, config: p.config, reconcile: false });
    await later.core.endings.warnOwners(warn);
    expect(told).toHaveLength(1);

    await extend(max, '1h');
    endsIn(10);
    await later.core.endings.warnOwners(warn);
    expect(told).toHaveLength(2);
  });
});
