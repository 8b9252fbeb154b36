import { describe, expect, test } from 'vitest';
import { createClaims } from '../../../src/core/access/people/claims.ts';
import type { Claims } from '../../../src/core/access/people/claims.ts';
import { randomId } from '../../../src/core/base/ids.ts';
import { startCore } from '../../support/core.ts';
import { stores } from '../../support/stores.ts';
import { fakeDirectory, openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const who = { team: 'T1', user: 'UADA', name: 'ada' };
const other = { team: 'T1', user: 'UBOB', name: 'bob' };
const minutes = 60_000;

function claimsOf({ people, store, audit, clock }: PeoplePlace): Claims {
  return createClaims({ people, store, audit, clock, newId: randomId });
}

async function offered(claims: Claims): Promise<string> {
  return (await claims.offer()) ?? expect.fail('There is no admin in Slack yet');
}

describe.each(stores())('a claim on $name', (kind) => {
  test('makes its person an admin once, and nobody else afterwards', async () => {
    await using place = await openPeople(kind, '');
    const claims = claimsOf(place);
    const [earlier, code] = [await offered(claims), await offered(claims)];
    expect(code).toMatch(/^(?:[0-9a-z]{4}-){2}[0-9a-z]{4}$/);
    const person = await claims.claim(code, who);
    expect(person).toMatchObject({ name: 'ada (T1/UADA)', role: 'admin' });
    expect(await place.access.personOfSlack('T1', 'UADA')).toEqual(person);
    expect((await place.access.local()).id).not.toBe(person.id);
    for (const again of [code, earlier]) {
      await expect(claims.claim(again, other)).rejects.toMatchObject({ code: 'claim_refused' });
    }
    expect(await place.access.personOfSlack('T1', 'UBOB')).toBeUndefined();
    expect(await claims.offer()).toBeUndefined();
  });

  test.each(['one code', 'a code each'])('makes one admin if two people send %s at once', async (codes) => {
    await using place = await openPeople(kind, '');
    const claims = claimsOf(place);
    const code = await offered(claims);
    const second = codes === 'one code' ? code : await offered(claims);
    const ends = await Promise.allSettled([claims.claim(code, who), claims.claim(second, other)]);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'claim_refused' } });
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await place.access.membersOf({ roles: ['admin'] })).toHaveLength(2);
  });

  test('works with or without dashes and in any case, and expires after 15 minutes', async () => {
    await using place = await openPeople(kind, '');
    const claims = claimsOf(place);
    const late = await offered(claims);
    await place.clock.advance(15 * minutes);
    await expect(claims.claim(late, who)).rejects.toMatchObject({ code: 'claim_refused' });
    const code = await offered(claims);
    await place.clock.advance(14 * minutes);
    expect(await claims.claim(` ${code.replaceAll('-', '').toUpperCase()} `, who)).toMatchObject({ role: 'admin' });
  });

  test('with a wrong code changes nothing, and the audit has every attempt without the code', async () => {
    await using place = await openPeople(kind, '');
    const claims = claimsOf(place);
    const code = await offered(claims);
    await expect(claims.claim('0000-0000-0000', other)).rejects.toMatchObject({ code: 'claim_refused' });
    expect(await place.access.personOfSlack('T1', 'UBOB')).toBeUndefined();
    await claims.claim(code, who);
    const { items } = await place.audit.list(
      { operation: 'claim', limit: 10 },
      { person: { id: 'per_1', name: 'root', role: 'admin' } },
    );
    expect(items.toReversed()).toMatchObject([
      { event: 'opened', person: 'bob (T1/UBOB)', identity: 'slack:T1/UBOB', source: 'slack' },
      { event: 'closed', person: 'bob (T1/UBOB)', outcome: 'failed', code: 'claim_refused' },
      { event: 'opened', person: 'ada (T1/UADA)', identity: 'slack:T1/UADA' },
      { event: 'closed', person: 'ada (T1/UADA)', outcome: 'done' },
    ]);
    expect(JSON.stringify(items)).not.toMatch(new RegExp(`0000-0000|${code}`));
  });

  test('is not stored in plain text', async () => {
    await using place = await openPeople(kind, '');
    const code = await offered(claimsOf(place));
    const stored = JSON.stringify(await place.store.db.selectFrom('claim_codes').selectAll().execute());
    expect(stored).not.toContain(code);
    expect(stored).not.toContain(code.replaceAll('-', ''));
  });

  test('is refused if the config gives the person another role, and the code stays valid', async () => {
    await using place = await openPeople(kind, 'people: [{name: Bob, role: member, identities: ["slack:T1/UBOB"]}]\n');
    const claims = claimsOf(place);
    const code = await offered(claims);
    await expect(claims.claim(code, other)).rejects.toMatchObject({ code: 'claim_overruled' });
    expect(await claims.claim(code, who)).toMatchObject({ role: 'admin' });
  });

  test('is refused to guests, and the code stays valid', async () => {
    await using place = await openPeople(kind, '');
    const directory = fakeDirectory();
    directory.gone.add('slack:T1/UBOB');
    place.access.lookUpGroupsWith(directory);
    const claims = claimsOf(place);
    const code = await offered(claims);
    await expect(claims.claim(code, other)).rejects.toMatchObject({ code: 'claim_refused' });
    expect(await claims.claim(code, who)).toMatchObject({ role: 'admin' });
  });

  test('leaves one person if the config then lists the account', async () => {
    await using place = await openPeople(kind, '');
    const local = await place.access.local();
    const claims = claimsOf(place);
    const claimed = await claims.claim(await offered(claims), who);
    await place.write('people: [{name: Ada, role: admin, identities: [local, "slack:T1/UADA"]}]\n');
    const ada = { id: local.id, name: 'Ada', role: 'admin' };
    expect(await place.access.personOfSlack('T1', 'UADA')).toEqual(ada);
    expect(await place.access.membersOf({ roles: ['admin'] })).toEqual([ada]);
    expect(await place.access.current(claimed.id)).toBeUndefined();
  });

  test('is not offered if the config has an admin with a Slack identity', async () => {
    const config = (identities: string) => `people: [{name: Ada, role: admin, identities: [${identities}]}]\n`;
    await using place = await openPeople(kind, config('local'));
    const claims = claimsOf(place);
    const code = await offered(claims);
    await place.write(config('local, "slack:T1/UADA"'));
    expect(await claims.offer()).toBeUndefined();
    await expect(claims.claim(code, other)).rejects.toMatchObject({ code: 'claim_refused' });
  });
});

test('a core offers claims and audits them', async () => {
  await using place = await startCore({ reconcile: false });
  await place.core.claims.claim(await offered(place.core.claims), who);
  const { items } = await place.run('list_audit', { operation: 'claim' });
  expect(items).toMatchObject([{ event: 'closed', outcome: 'done' }, { event: 'opened' }]);
});
