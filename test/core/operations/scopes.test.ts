import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../../src/core/base/caller.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';

let place: TestCore;
beforeAll(async () => {
  place = await startCore({ reconcile: false, config: onePersonOfEachRole });
});
afterAll(() => place[Symbol.asyncDispose]());

// test/core/access/people-table.txt says which roles may call what.

/** The code of the refusal. The input is checked after the permissions, so `unknown_field` means that the caller may call. */
async function codeFor(operation: string, scopes: readonly Scope[]) {
  const caller = await callerWithRole(place.core, 'admin', scopes);
  const thrown: unknown = await place.core
    .execute(operation, { no_such_field: 1 }, caller)
    .catch((error: unknown) => error);
  return thrown instanceof EcolinkError ? thrown.code : 'done';
}

test.each(catalogue.map((operation) => [operation.name, operation.effect] as const))(
  '%s is open to a token with its scope, and to no other',
  async (operation, effect) => {
    expect(await codeFor(operation, ['call'])).toBe('scope_missing');
    expect(await codeFor(operation, [])).toBe('scope_missing');
    expect(await codeFor(operation, ['operate'])).toBe('unknown_field');
    expect(await codeFor(operation, ['read'])).toBe(effect === 'read' ? 'unknown_field' : 'scope_missing');
  },
);
