import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../../../src/core/base/caller.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';

// `list_cache` with `verify` marks damaged volumes, so it is what `verify_cache` is: a write.

let hub: Hub;
let place: TestCore;
let member: Caller;
beforeAll(async () => {
  hub = await startHub();
  hub.addRepo('acme/tiny', { files: { 'model.safetensors': Buffer.alloc(1000, 7) } });
  place = await startCore({ config: onePersonOfEachRole, environment: { HF_ENDPOINT: hub.endpoint } });
  member = await callerWithRole(place.core, 'member');
  const model = { source: 'huggingface', repo: 'acme/tiny', category: 'chat' };
  await place.run('register_model', { ...model, name: 'tiny' }, member);
  await place.run('prefetch_model', { model: 'tiny', regions: ['local'] }, member);
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await hub.close();
});

const verified = { items: [{ state: 'ready', verified: true }] };
const verify = (who: Caller) => place.run('list_cache', { verify: true }, who);

test('the weights are cached', async () => {
  const cached = async () => (await place.run('list_cache'))['items'];
  await expect.poll(cached, { timeout: 30_000 }).toMatchObject([{ state: 'ready' }]);
});

test('a list that verifies needs the rights of the verification, and one that does not needs none of them', async () => {
  const viewer = await callerWithRole(place.core, 'viewer');
  await expect(verify(viewer)).rejects.toMatchObject({ code: 'role_missing' });
  await expect(verify({ ...member, scopes: ['read'] })).rejects.toMatchObject({ code: 'scope_missing' });
  // A tool that says that it only reads only reads.
  await expect(verify({ ...member, source: 'mcp', agent: true })).rejects.toMatchObject({ code: 'not_offered_here' });
  expect(await place.run('list_cache', {}, viewer)).toMatchObject({ items: [{ state: 'ready' }] });
  expect(await verify(member)).toMatchObject({ ...verified, verification: 'Every byte is right.' });
});

test('the audit has the verification, with its volumes', async () => {
  await verify(member);
  const { items } = await place.core.execute('list_audit', { operation: 'verify_cache', limit: 2 }, place.local);
  expect(items).toMatchObject([
    { event: 'closed', outcome: 'done', policy: expect.stringMatching(/^allow: /) },
    { event: 'opened', person: member.person.name, input: expect.stringMatching(/^{"volumes":\["v-/) },
  ]);
});

test('the policy denies it, or makes it wait; after approval it runs', async () => {
  const policy = (answer: string): Promise<void> =>
    writeFile(
      join(place.dataDir, 'ecolink.yaml'),
      `${onePersonOfEachRole}\npolicy: [{ name: quiet, when: { operations: [verify_cache] }, ${answer} }]\n`,
    );
  await policy('deny: Not by day.');
  await expect(verify(member)).rejects.toMatchObject({ code: 'policy_denied' });
  await policy('require: { approvers: { roles: [approver] } }');
  const held = z.object({ items: z.array(z.object({ verified: z.boolean().optional() })), verification: z.unknown() });
  const { items, verification } = held.parse(await verify(member));
  expect(items[0]?.verified).toBeUndefined();
  expect(JSON.stringify(verification)).toContain('decide');
  await place.run('approve_request', { approval: '1' }, await callerWithRole(place.core, 'approver'));
  const state = async () => (await place.run('get_approval', { approval: '1' }))['state'];
  await expect.poll(state, { timeout: 30_000 }).toBe('done');
});
