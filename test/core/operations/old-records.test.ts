import { expect, test } from 'vitest';
import { catalogue, definedOperation } from '../../../src/core/operations/catalogue.ts';

// The ledger keeps what a call committed for seven days, and an approval request its outcome for ever. Version 0.1 stored
// the outputs of its operations (commit a2d1cb0). These are such outputs.
const next_step = 'A sentence.';
const instance = { instance: 1, model: 'tiny', model_id: 'tiny:1', state: 'pending', next_step };
const approval = {
  id: 3,
  state: 'done',
  operation: 'delete_model',
  what: 'Delete tiny',
  requester: 'max',
  agent: false,
  asked_at: '2026-11-30T21:15:04.165Z',
  expires_at: '2026-12-01T21:15:04.165Z',
  summary: ['Delete tiny'],
  input: '{"model":"tiny"}',
  digest: 'e14ed0ea1ef9e22e',
  rule: 'rule 2',
  identity: 'slack:T1/MAX',
  approvers: ['ada'],
  quorum: 1,
  missing: 0,
  votes: [],
  broken_glass: false,
  private: false,
  next_step,
};

const stored: Record<string, readonly object[]> = {
  register_model: [{ model: 'tiny', state: 'registered', next_step }],
  delete_model: [{ model: 'tiny', state: 'deleted', next_step }],
  launch_instance: [instance],
  stop_instance: [{ ...instance, state: 'stopping' }],
  restart_instance: [instance],
  scale_instance: [{ ...instance, state: 'running' }],
  extend_instance: [{ ...instance, state: 'running', next_step: 'It stops by itself at 2026-12-01T21:15:04.165Z.' }],
  delete_instance: [{ ...instance, state: 'deleted' }],
  prefetch_model: [
    { model: 'tiny', state: 'queued', next_step, volumes: [{ volume: 'v-1', region: 'local', state: 'queued' }] },
  ],
  // Since version 0.2.
  verify_cache: [{ volumes: ['v-1'] }],
  evict_cache: [
    { state: 'evicted', freed_bytes: 29, volumes: ['v-1'], next_step },
    { state: 'evicted', volumes: ['v-1', 'v-2'], next_step },
  ],
  pin_cache: [
    { state: 'pinned', volumes: ['v-1'], next_step },
    { state: 'not pinned', volumes: [], next_step },
  ],
  set_role: [
    { person: 'ada', role: 'member', state: 'changed', next_step },
    { person: 'ada', role: 'none', state: 'unchanged', next_step },
  ],
  delete_credential: [{ credential: 'hub-main', state: 'deleted', next_step }],
  cancel_request: [{ id: 3, state: 'cancelled', next_step }],
  approve_request: [approval],
  deny_request: [
    { ...approval, state: 'denied', decided_by: 'ada', reason: { code: 'request_denied', message: 'no' } },
  ],
  break_glass: [{ ...approval, broken_glass: true }],
};

test('there are old records of every operation that changes something', () => {
  const mutations = catalogue.filter(({ effect }) => effect !== 'read').map(({ name }) => name);
  expect(Object.keys(stored).toSorted()).toEqual(mutations.toSorted());
});

function isCommitted(name: string, value: unknown): boolean {
  const operation = definedOperation(name);
  if (operation === undefined || operation.effect === 'read') throw new Error(`${name} changes nothing`);
  return operation.isCommitted(value);
}

test.each(Object.entries(stored))('%s answers to what version 0.1 stored', (name, records) => {
  for (const record of records) expect(isCommitted(name, record)).toBe(true);
  expect(isCommitted(name, { next_step })).toBe(false);
});
