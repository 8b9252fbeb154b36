import { afterAll, beforeAll, expect, test } from 'vitest';
import { roles } from '../../../src/core/base/caller.ts';
import type { Role } from '../../../src/core/base/caller.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';

/** Which roles may run each operation. Written out, so that a change of a definition shows here and is meant. */
const mayRun: Record<string, readonly Role[]> = {
  check_model: ['member', 'approver', 'admin'],
  register_model: ['member', 'approver', 'admin'],
  list_models: ['viewer', 'member', 'approver', 'admin'],
  get_model: ['viewer', 'member', 'approver', 'admin'],
  delete_model: ['member', 'approver', 'admin'],
  list_regions: ['viewer', 'member', 'approver', 'admin'],
  list_filesystems: ['viewer', 'member', 'approver', 'admin'],
  plan_launch: ['member', 'approver', 'admin'],
  launch_instance: ['member', 'approver', 'admin'],
  list_instances: ['viewer', 'member', 'approver', 'admin'],
  get_instance: ['viewer', 'member', 'approver', 'admin'],
  get_instance_logs: ['viewer', 'member', 'approver', 'admin'],
  stop_instance: ['member', 'approver', 'admin'],
  restart_instance: ['member', 'approver', 'admin'],
  scale_instance: ['member', 'approver', 'admin'],
  extend_instance: ['member', 'approver', 'admin'],
  delete_instance: ['member', 'approver', 'admin'],
  list_cache: ['viewer', 'member', 'approver', 'admin'],
  prefetch_model: ['member', 'approver', 'admin'],
  evict_cache: ['member', 'approver', 'admin'],
  pin_cache: ['member', 'approver', 'admin'],
  list_people: ['admin'],
  set_role: ['admin'],
  list_credentials: ['member', 'approver', 'admin'],
  delete_credential: ['member', 'approver', 'admin'],
  list_approvals: ['viewer', 'member', 'approver', 'admin'],
  get_approval: ['viewer', 'member', 'approver', 'admin'],
  cancel_request: ['member', 'approver', 'admin'],
  approve_request: ['member', 'approver', 'admin'],
  deny_request: ['member', 'approver', 'admin'],
  break_glass: ['member', 'approver', 'admin'],
  explain_policy: ['viewer', 'member', 'approver', 'admin'],
  list_audit: ['approver', 'admin'],
  verify_audit: ['admin'],
};

let place: TestCore;
beforeAll(async () => {
  place = await startCore({ reconcile: false, config: onePersonOfEachRole });
});
afterAll(() => place[Symbol.asyncDispose]());

test('the table has a row for every operation and no other', () => {
  expect(Object.keys(mayRun)).toEqual(catalogue.map((operation) => operation.name));
});

/** Past the door: whatever is said of the input then is said to somebody who may ask. */
async function codeFor(operation: string, role: Role, scopes?: readonly ('call' | 'read' | 'operate')[]) {
  const caller = await callerWithRole(place.core, role, scopes);
  const thrown: unknown = await place.core
    .execute(operation, { no_such_field: 1 }, caller)
    .catch((error: unknown) => error);
  return (thrown as { code?: string }).code;
}

const rows = catalogue.flatMap((operation) => roles.map((role) => [operation.name, role] as const));
test.each(rows)('%s answers a %s as the table says', async (operation, role) => {
  expect(await codeFor(operation, role)).toBe(mayRun[operation]?.includes(role) ? 'unknown_field' : 'role_missing');
});

test.each(catalogue.map((operation) => [operation.name, operation.effect] as const))(
  '%s is open to a token with its scope, and to no other',
  async (operation, effect) => {
    expect(await codeFor(operation, 'admin', ['call'])).toBe('scope_missing');
    expect(await codeFor(operation, 'admin', [])).toBe('scope_missing');
    expect(await codeFor(operation, 'admin', ['operate'])).toBe('unknown_field');
    expect(await codeFor(operation, 'admin', ['read'])).toBe(effect === 'read' ? 'unknown_field' : 'scope_missing');
  },
);
