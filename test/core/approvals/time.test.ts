import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { decisionPlace, people } from './place.ts';
import type { DecisionPlace } from './place.ts';

const held = 'when: { operations: [launch_instance] }, require: { approvers: { roles: [approver] }, ttl: 7d }';

/** An hour of the day, so many hours from now, as rules write it. */
const clock = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
const deniedBetween = (from: number, to: number) =>
  `- { name: closed, when: { hours: { from: "${clock(from)}", to: "${clock(to)}" } }, deny: Closed. }`;

let p: DecisionPlace;
let ada: Caller;
let max: Caller;
beforeEach(async () => {
  p = await decisionPlace(`policy: [{ ${held} }]`);
  ({ ada, max } = p);
});
afterEach(() => p[Symbol.asyncDispose]());

const ask = (more: object = {}) => p.run(max, 'launch_instance', { model: 'tiny', ...more });
const approve = (id?: string) => p.approve(ada, id);
const askedHoursAgo = (hours: number) =>
  p.meddle(`update approvals set asked_at = '${new Date(Date.now() - hours * 3_600_000).toISOString()}'`);

describe('a rule about the time of day goes by when it was asked', () => {
  test('and not by when it is decided', async () => {
    await ask();
    askedHoursAgo(12);
    await p.configure(`${people}\npolicy: [${deniedBetween(-1, 1).slice(2)}, { ${held} }]`);
    expect(await approve()).toMatchObject({ state: expect.stringMatching(/approved|running|done/) });
    await expect(ask({ replicas: 2 })).rejects.toMatchObject({ code: 'policy_denied' });
  });

  test('so that waiting for the office to close helps nobody', async () => {
    await ask();
    askedHoursAgo(12);
    await p.configure(`${people}\npolicy: [${deniedBetween(-13, -11).slice(2)}, { ${held} }]`);
    await expect(approve()).rejects.toMatchObject({ code: 'request_denied' });
  });
});

test('a price that fell is no drift, and one that rose is', async () => {
  const priced = (price: number) =>
    p.meddle(
      `update approvals set preview = replace(preview, '"costPerHour":2,"facts"', '"costPerHour":${price},"facts"')`,
    );
  await ask({ accelerator: 'h100' });
  priced(1);
  await expect(approve()).rejects.toMatchObject({
    code: 'request_stale',
    message: expect.stringContaining('the price was 1 per hour and is 2'),
  });
  await ask({ accelerator: 'h100', replicas: 1 });
  priced(3);
  expect(await approve('2')).toMatchObject({ state: expect.stringMatching(/approved|running|done/) });
});

describe('an idempotency key', () => {
  const keyed = { idempotency_key: 'k' };

  test('of a request that expired or went stale is free, and the next call asks anew', async () => {
    await ask(keyed);
    p.meddle(`update approvals set expires_at = '2026-01-01T00:00:00.000Z'`);
    expect(await ask(keyed)).toMatchObject({ approval: { id: 2 } });
    p.meddle(`update approvals set state = 'stale', open_key = null where id = 2`);
    expect(await ask(keyed)).toMatchObject({ approval: { id: 3 } });
  });

  test('of a run that failed is free', async () => {
    await ask(keyed);
    p.meddle(`update approvals set state = 'failed', open_key = null, reason = '{"code":"x","message":"y"}'`);
    expect(await ask(keyed)).toMatchObject({ approval: { id: 2 } });
  });
});
