import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../../../src/core/base/caller.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { gossip, newToken, startKeeping } from '../../support/credentials.ts';
import type { Keeping } from '../../support/credentials.ts';

const gated = { source: 'huggingface', repo: 'acme/gated', category: 'chat' };
const patient = { timeout: 30_000, interval: 100 };

let keeping: Keeping;
beforeEach(async () => {
  keeping = await startKeeping({ config: gossip });
});
afterEach(() => keeping[Symbol.asyncDispose]());

async function addAs(caller: Caller, name: string, value: string, shared?: boolean) {
  return keeping.place.core.credentials.add({ name, value, shared }, caller);
}

const page = z.object({ items: z.array(z.record(z.string(), z.unknown())) });

function itemsOf(output: unknown): Record<string, unknown>[] {
  return page.parse(output).items;
}

async function listed(caller: Caller): Promise<Record<string, unknown>[]> {
  return itemsOf(await keeping.place.run('list_credentials', {}, caller));
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof EcolinkError ? thrown.code : String(thrown)),
  );
}

async function volumeState(): Promise<string> {
  const volume = z.object({ state: z.string(), reason: z.object({ code: z.string() }).optional() });
  const volumes = z.array(volume).parse(itemsOf(await keeping.place.run('list_cache')));
  return volumes.map(({ state, reason }) => (state === 'failed' ? `failed: ${reason?.code}` : state)).join();
}

async function auditOf(operation: string): Promise<Record<string, unknown>[]> {
  return itemsOf(await keeping.place.run('list_audit', { operation }));
}

/** The owners of the credentials that downloads used, in the order of their use. */
async function ownersOfUsed(): Promise<string[]> {
  const opened = (await auditOf('use_credential')).filter(({ event }) => event === 'opened');
  const input = z.object({ owner: z.string() });
  return opened.toReversed().map((row) => input.parse(JSON.parse(String(row['input']))).owner);
}

/** Bob and Cleo each register the repo with their own credential. Returns the Hub's record of Bob's token. */
async function registeredByBoth() {
  const { hub, place, bob, cleo } = keeping;
  const [bobs, cleos] = [newToken(), newToken()];
  const held = hub.addToken(bobs, { user: 'bobby' });
  hub.addToken(cleos, { user: 'alice' });
  await addAs(bob, 'mine', bobs);
  await addAs(cleo, 'mine', cleos);
  await place.run('register_model', { ...gated, name: 'a-of-bob', credential: 'mine' }, bob);
  await place.run('register_model', { ...gated, name: 'b-of-cleo', credential: 'mine' }, cleo);
  return held;
}

describe('a credential', () => {
  test('is checked with the Hub when it is added, and shown without its value', async () => {
    const { hub, bob } = keeping;
    const token = newToken();
    expect(await codeOf(addAs(bob, 'mine', token))).toBe('token_refused');
    expect(await listed(bob)).toEqual([]);
    hub.addToken(token, { user: 'bobby' });
    expect(await addAs(bob, 'mine', token)).toMatchObject({ state: 'added', account: 'bobby', shared: false });
    const [shown] = await listed(bob);
    expect(shown).toMatchObject({ credential: 'mine', owner: 'bob', account: 'bobby', state: 'ok', shared: false });
    expect(JSON.stringify(shown)).not.toContain(token);
  });

  test('does not exist for other people in any operation', async () => {
    const { hub, place, bob, ada, cleo } = keeping;
    const token = newToken();
    hub.addToken(token, { user: 'bobby' });
    await addAs(bob, 'mine', token);
    for (const other of [cleo, ada]) {
      expect(await listed(other)).toEqual([]);
      const named = { ...gated, credential: 'mine' };
      const unknown = await place.run('check_model', named, other).catch((thrown: unknown) => thrown);
      const missing = await place
        .run('check_model', { ...named, credential: 'none' }, other)
        .catch((thrown: unknown) => thrown);
      expect(unknown).toMatchObject({
        code: 'credential_not_found',
        message: expect.stringContaining('"mine"'),
      });
      expect(JSON.stringify(unknown)).toBe(JSON.stringify(missing).replaceAll('none', 'mine'));
      expect(await codeOf(place.run('delete_credential', { credential: 'mine' }, other))).toBe('credential_not_found');
    }
  });

  test('that is shared has its name for the whole team, and a name can be shared once only', async () => {
    const { hub, place, bob, ada, cleo } = keeping;
    const token = newToken();
    hub.addToken(token, { user: 'bobby' });
    await addAs(bob, 'team', token, true);
    expect(await listed(cleo)).toMatchObject([{ credential: 'team', owner: 'bob', shared: true }]);
    await place.run('register_model', { ...gated, name: 'of-cleo', credential: 'team' }, cleo);
    expect(await codeOf(addAs(cleo, 'team', token, true))).toBe('credential_shared_already');
    expect(await codeOf(place.run('delete_credential', { credential: 'team' }, cleo))).toBe('not_owner');
    await addAs(bob, 'team', token, false);
    expect(await listed(cleo)).toEqual([]);
    expect(await listed(bob)).toMatchObject([{ credential: 'team', shared: false }]);
    expect(await listed(ada)).toEqual([]);
  });

  test('keeps its name and its models when its value is replaced', async () => {
    const { hub, place, bob } = keeping;
    const [first, second] = [newToken(), newToken()];
    for (const token of [first, second]) hub.addToken(token, { user: 'bobby' });
    const before = await addAs(bob, 'mine', first);
    await place.run('register_model', { ...gated, name: 'of-bob', credential: 'mine' }, bob);
    const after = await addAs(bob, 'mine', second);
    expect(after).toMatchObject({ state: 'replaced' });
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(await listed(bob)).toMatchObject([{ credential: 'mine', models: ['of-bob'] }]);
  });

  test('is not deleted while models download with it, and the refusal names them', async () => {
    const { hub, place, bob } = keeping;
    const token = newToken();
    hub.addToken(token, { user: 'bobby' });
    await addAs(bob, 'mine', token);
    await place.run('register_model', { ...gated, name: 'of-bob', credential: 'mine' }, bob);
    const refusal = await place
      .run('delete_credential', { credential: 'mine' }, bob)
      .catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({
      kind: 'conflict',
      code: 'credential_in_use',
      message: expect.stringContaining('"of-bob"'),
    });
    await place.run('delete_model', { model: 'of-bob' }, bob);
    expect(await place.run('delete_credential', { credential: 'mine' }, bob)).toMatchObject({ state: 'deleted' });
    expect(await listed(bob)).toEqual([]);
  });

  test('is added by people with a role, never by an assistant, and only under a valid name', async () => {
    const { bob } = keeping;
    const token = newToken();
    expect(await codeOf(addAs({ ...bob, agent: true }, 'mine', token))).toBe('person_needed');
    for (const name of ['env', 'A b', '', '../x']) expect(await codeOf(addAs(bob, name, token))).toBe('bad_name');
    expect(await codeOf(addAs(bob, token, token))).toBe('token_in_input');
    expect(await codeOf(addAs(bob, 'mine', 'with a space'))).toBe('bad_value');
  });
});

describe('a download', () => {
  test("uses the model's credential whoever launches it, and the audit says so", async () => {
    const { hub, place, bob, cleo } = keeping;
    const token = newToken();
    hub.addToken(token, { user: 'bobby' });
    await addAs(bob, 'mine', token);
    await place.run('register_model', { ...gated, name: 'of-bob', credential: 'mine' }, bob);
    await place.run('launch_instance', { model: 'of-bob' }, cleo);
    await expect.poll(volumeState, patient).toBe('ready');
    const [closed, opened] = await auditOf('use_credential');
    expect(closed).toMatchObject({ event: 'closed', outcome: 'done', person: 'downloads' });
    expect(JSON.parse(String(opened?.['input']))).toMatchObject({ credential: 'mine', owner: 'bob', model: 'of-bob' });
    expect(await listed(bob)).toMatchObject([{ last_used_at: expect.any(String) }]);
  });

  test('tries the credential of the next model when the Hub refuses one, and reports the refused one', async () => {
    const { place, bob, cleo } = keeping;
    const held = await registeredByBoth();
    held.revoked = true;
    await place.run('prefetch_model', { model: 'a-of-bob' }, bob);
    await expect.poll(volumeState, patient).toBe('ready');
    expect(await ownersOfUsed()).toEqual(['bob', 'cleo']);
    expect(await listed(bob)).toMatchObject([{ state: 'failing' }]);
    expect(await listed(cleo)).toMatchObject([{ state: 'ok' }]);
  });

  test('tries the credential of the next model when the gate refuses an account (403), and does not blame the token', async () => {
    const { repo, place, bob, cleo } = keeping;
    await registeredByBoth();
    repo.gate.set('bobby', 'rejected');
    await place.run('prefetch_model', { model: 'a-of-bob' }, bob);
    await expect.poll(volumeState, patient).toBe('ready');
    expect(await ownersOfUsed()).toEqual(['bob', 'cleo']);
    expect([await listed(bob), await listed(cleo)]).toMatchObject([[{ state: 'ok' }], [{ state: 'ok' }]]);
  });

  test('never uses the credential of another model that nobody launched', async () => {
    const { place, bob, cleo } = keeping;
    const held = await registeredByBoth();
    held.revoked = true;
    await place.run('launch_instance', { model: 'a-of-bob' }, bob);
    await expect.poll(volumeState, patient).toBe('failed: token_refused');
    // Cleo may download the same files.
    await place.run('launch_instance', { model: 'b-of-cleo' }, cleo);
    await expect.poll(volumeState, patient).toBe('ready');
  });

  test('fails with the reason when every credential was refused, and works again with a replaced one', async () => {
    const { hub, place, bob } = keeping;
    const [first, second] = [newToken(), newToken()];
    const held = hub.addToken(first, { user: 'bobby' });
    hub.addToken(second, { user: 'bobby' });
    await addAs(bob, 'mine', first);
    await place.run('register_model', { ...gated, name: 'of-bob', credential: 'mine' }, bob);
    held.revoked = true;
    await place.run('prefetch_model', { model: 'of-bob' }, bob);
    await expect.poll(volumeState, patient).toBe('failed: token_refused');
    expect(await listed(bob)).toMatchObject([{ state: 'failing' }]);
    await addAs(bob, 'mine', second);
    await place.run('prefetch_model', { model: 'of-bob' }, bob);
    await expect.poll(volumeState, patient).toBe('ready');
  });
});

test('a model shows that its credential stopped working, before anybody launches it', async () => {
  const { hub, place, bob, cleo } = keeping;
  const token = newToken();
  const held = hub.addToken(token, { user: 'bobby' });
  await addAs(bob, 'mine', token);
  await place.run('register_model', { ...gated, name: 'of-bob', credential: 'mine' }, bob);
  expect(await place.run('get_model', { model: 'of-bob' }, cleo)).toMatchObject({ warnings: [] });
  held.revoked = true;
  await place.core.credentials.check();
  const warningsFor = async (caller: Caller) =>
    String((await place.run('get_model', { model: 'of-bob' }, caller))['warnings']);
  expect(await warningsFor(bob)).toContain('To replace its value: store a Hugging Face token (mine)');
  expect(await warningsFor(cleo)).toContain('does not work any more');
  expect(await warningsFor(cleo)).not.toContain('mine');
  const { warnings } = await place.run('plan_launch', { model: 'of-bob' }, cleo);
  expect(String(warnings)).toContain('does not work any more');
  held.revoked = false;
  await place.core.credentials.check();
  expect(await warningsFor(bob)).toBe('');
});
