import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import { decisionPlace } from '../core/approvals/place.ts';
import type { DecisionPlace } from '../core/approvals/place.ts';

// An assistant acts for a person. What destroys or takes away waits for people, and the assistant never decides.

let p: DecisionPlace;
let max: Caller;
let ada: Caller;
let agent: Caller;
beforeEach(async () => {
  p = await decisionPlace();
  ({ max, ada } = p);
  agent = await p.withToken('max', { agent: true });
  await p.run(max, 'launch_instance', { model: 'tiny', replicas: 2 });
});
afterEach(() => p[Symbol.asyncDispose]());

test.each([
  ['stop_instance', { instance: '1' }],
  ['restart_instance', { instance: '1' }],
  ['scale_instance', { instance: '1', replicas: 1 }],
  ['extend_instance', { instance: '1', stop_after: '1h' }],
])('%s takes service away, so it waits', async (operation, input) => {
  expect(await p.run(agent, operation, input)).toMatchObject({ state: 'awaiting_approval' });
  expect(await p.run(max, 'get_instance', { instance: '1' })).toMatchObject({ replicas: 2, stop_at: undefined });
});

describe('a decision', () => {
  beforeEach(() => p.run(agent, 'stop_instance', { instance: '1' }));

  test.each(['approve_request', 'deny_request', 'break_glass'])('%s is not for assistants', async (operation) => {
    const input = { approval: '1', reason: 'the user said yes' };
    const approverAgent = await p.withToken('ada', { agent: true });
    for (const who of [agent, approverAgent, { ...ada, agent: true }, { ...ada, source: 'mcp' as const }])
      await expect(p.run(who, operation, input)).rejects.toMatchObject({
        kind: expect.stringMatching(/refused|denied/),
      });
    expect(await p.approval(1)).toMatchObject({ state: 'pending' });
  });

  test('of the person whose assistant asked does not count', async () => {
    await expect(p.run(max, 'approve_request', { approval: '1' })).rejects.toMatchObject({
      kind: expect.stringMatching(/refused|denied/),
    });
  });

  test('that a token may make is none for an agent', async () => {
    await expect(p.withToken('ada', { agent: true, mayDecide: true })).rejects.toMatchObject({ kind: 'input' });
  });
});

test('an explanation of what it may not do is refused as the call is', async () => {
  const call = { operation: 'approve_request', input: '{"approval":"1"}' };
  await expect(p.run(agent, 'explain_policy', call)).rejects.toMatchObject({ kind: expect.any(String) });
});
