import { describe, expect, test } from 'vitest';
import type { Caller, Role } from '../../../src/core/base/caller.ts';
import { randomId } from '../../../src/core/base/ids.ts';
import { createRoleGrants } from '../../../src/core/access/people/role-grants.ts';
import { inUnitOfWork } from '../../../src/core/store/unit-of-work.ts';
import type { RoleChange } from '../../../src/core/access/people/role-grants.ts';
import { startCore } from '../../support/core.ts';
import { stores } from '../../support/stores.ts';
import { fakeDirectory, openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const listed = `people:
  - {name: Ada, role: admin, identities: [local]}
  - {name: Bob, role: viewer, identities: ["slack:T1/UBOB"]}
`;

const grantsOf = (place: PeoplePlace) => grantsIn(place);

/** A change of a role from its check to its commit. */
function grantsIn(place: PeoplePlace) {
  const grants = createRoleGrants({
    people: place.people,
    store: place.store,
    now: () => place.clock.now(),
    newId: randomId,
  });
  return {
    ...grants,
    async set(input: RoleChange, caller: Caller) {
      const change = await grants.prepareChange(input, caller);
      return inUnitOfWork(place.store, (unit) => grants.commitChange(change, unit));
    },
  };
}

async function by(place: PeoplePlace, user?: string): Promise<Caller> {
  const person = user === undefined ? await place.access.local() : await place.access.personOfSlack('T1', user);
  const caller: Caller = {
    person: person ?? expect.fail(`${user} is nobody`),
    identity: 'test',
    agent: false,
    mayDecide: true,
    source: 'cli',
    scopes: ['operate'],
  };
  return caller;
}

async function give(place: PeoplePlace, user: string, role: Role | 'none', from?: string) {
  return grantsOf(place).set(
    { person: `slack:T1/${user}`, role, name: user.slice(1).toLowerCase() },
    await by(place, from),
  );
}

const roleIn = async (place: PeoplePlace, user: string): Promise<Role | undefined> =>
  (await place.access.personOfSlack('T1', user))?.role;

describe.each(stores())('a role that an admin gives, on $name', (kind) => {
  test('makes a person of an unknown account, and counts at once', async () => {
    await using place = await openPeople(kind, listed);
    expect(await give(place, 'UCAT', 'member')).toMatchObject({ person: 'cat (T1/UCAT)', state: 'changed' });
    const cat = await place.access.personOfSlack('T1', 'UCAT');
    expect(cat).toMatchObject({ name: 'cat (T1/UCAT)', role: 'member' });
    expect(await give(place, 'UCAT', 'member')).toMatchObject({ state: 'unchanged' });
    expect(await give(place, 'UCAT', 'approver')).toMatchObject({ state: 'changed' });
    expect(await place.access.personOfSlack('T1', 'UCAT')).toEqual({ ...cat, role: 'approver' });
    const { items } = await grantsOf(place).list({ limit: 20 });
    expect(items).toEqual([
      { person: 'Ada', role: 'admin', given_by: 'ecolink.yaml', identities: ['local'] },
      { person: 'Bob', role: 'viewer', given_by: 'ecolink.yaml', identities: ['slack:T1/UBOB'] },
      { person: 'cat (T1/UCAT)', role: 'approver', given_by: 'Ada', identities: ['slack:T1/UCAT'] },
    ]);
    const first = await grantsOf(place).list({ limit: 2 });
    expect(await grantsOf(place).list({ limit: 2, cursor: first.next_cursor })).toEqual({ items: items.slice(2) });
  });

  test('stops the tokens and agents when it is taken, and a new role starts them again', async () => {
    await using place = await openPeople(kind, listed);
    await give(place, 'UCAT', 'member');
    const cat = (await place.access.personOfSlack('T1', 'UCAT')) ?? expect.fail('Cat has a role');
    const own = await place.access.createToken(cat, 'own', ['operate']);
    const agent = await place.access.createToken(cat, 'agent', ['operate'], { agent: true });
    const works = async () =>
      Promise.all(
        [own, agent].map(async ({ token }) => (await place.access.callerOfToken(token, 'http'))?.person.role),
      );
    await give(place, 'UCAT', 'viewer');
    expect(await works()).toEqual(['viewer', 'viewer']);
    expect(await grantsOf(place).set({ person: 'CAT', role: 'none' }, await by(place))).toEqual({
      person: 'cat (T1/UCAT)',
      role: 'none',
      state: 'changed',
    });
    expect(await works()).toEqual([undefined, undefined]);
    expect(await roleIn(place, 'UCAT')).toBeUndefined();
    expect(await give(place, 'UCAT', 'none')).toMatchObject({ state: 'unchanged' });
    await give(place, 'UCAT', 'member');
    expect(await works()).toEqual(['member', 'member']);
  });

  test('is refused if the config or the terminal gives the person a role', async () => {
    await using place = await openPeople(kind, `groups: [{name: ml, role: approver, slack: T1/SML}]\n${listed}`);
    const directory = fakeDirectory();
    place.access.lookUpGroupsWith(directory);
    directory.groups['T1/SML'] = ['slack:T1/UCAT'];
    for (const [user, by_] of [
      ['UBOB', 'ecolink.yaml'],
      ['UCAT', 'group ml'],
    ] as const) {
      await expect(give(place, user, 'admin')).rejects.toMatchObject({
        code: 'role_overruled',
        message: expect.stringContaining(`from ${by_}, which wins`),
        nextStep: expect.stringContaining('ecolink.yaml'),
      });
    }
    expect([await roleIn(place, 'UBOB'), await roleIn(place, 'UCAT')]).toEqual(['viewer', 'approver']);
    await place.write('people: []\n');
    await give(place, 'UDAN', 'admin');
    const local = (await place.access.local()).name;
    await expect(grantsOf(place).set({ person: local, role: 'none' }, await by(place, 'UDAN'))).rejects.toMatchObject({
      code: 'role_overruled',
    });
  });

  test('is never the own role, so that there is always an admin', async () => {
    await using place = await openPeople(kind, listed.replace('role: admin', 'role: member'));
    await place.write(listed);
    await give(place, 'UCAT', 'admin');
    for (const user of [undefined, 'UCAT']) {
      const caller = await by(place, user);
      await expect(grantsOf(place).set({ person: caller.person.name, role: 'none' }, await by(place, user)))
        .rejects //
        .toMatchObject({ code: 'own_role', nextStep: user === undefined ? 'Ask cat (T1/UCAT).' : 'Ask Ada.' });
    }
    await place.write(listed.replace('role: admin', 'role: member'));
    await expect(give(place, 'UCAT', 'none', 'UCAT')).rejects.toMatchObject({
      code: 'own_role',
      nextStep: expect.stringContaining('You are the only admin'),
    });
    expect(await roleIn(place, 'UCAT')).toBe('admin');
  });

  test('leaves one admin if two take each other’s role at the same moment', async () => {
    await using place = await openPeople(kind, listed);
    for (const user of ['UCAT', 'UDAN']) await give(place, user, 'admin');
    // Both are read before either role is taken.
    const [cat, dan] = [await by(place, 'UCAT'), await by(place, 'UDAN')];
    const take = (person: string, asking: Caller) =>
      grantsOf(place).set({ person: `slack:T1/${person}`, role: 'none' }, asking);
    const ends = await Promise.allSettled([take('UDAN', cat), take('UCAT', dan)]);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'role_missing' } });
    expect([await roleIn(place, 'UCAT'), await roleIn(place, 'UDAN')].filter(Boolean)).toEqual(['admin']);
  });

  test('is refused for guests, bots, deactivated accounts, unknown names and ambiguous names', async () => {
    await using place = await openPeople(kind, listed);
    const directory = fakeDirectory();
    place.access.lookUpGroupsWith(directory);
    directory.gone.add('slack:T1/UGUEST');
    await expect(give(place, 'UGUEST', 'member')).rejects.toMatchObject({ code: 'person_shut_out' });
    expect(await place.store.db.selectFrom('role_grants').selectAll().execute()).toEqual([]);
    const set = async (person: string) => grantsOf(place).set({ person, role: 'member' }, await by(place));
    await give(place, 'UCAT', 'member');
    await expect(set('cta')).rejects.toMatchObject({
      code: 'person_not_found',
      validValues: ['Ada', 'Bob', 'cat (T1/UCAT)'],
    });
    await grantsOf(place).set({ person: 'slack:T2/UCAT', role: 'viewer', name: 'Cat' }, await by(place));
    await expect(set('cat')).rejects.toMatchObject({
      code: 'person_ambiguous',
      validValues: ['Cat (T2/UCAT)', 'cat (T1/UCAT)'],
    });
    expect(await set('Cat (T2/UCAT)')).toMatchObject({ state: 'changed' });
    expect(await roleIn(place, 'UCAT')).toBe('member');
  });
});

test('the audit says who gave a role to which person, and one idempotency key does it once', async () => {
  await using place = await startCore({ reconcile: false });
  const input = { person: 'slack:T1/UCAT', role: 'member', idempotency_key: 'k' };
  const first = await place.run('set_role', input);
  expect(await place.run('set_role', input)).toEqual(first);
  expect(first).toMatchObject({ person: 'T1/UCAT', state: 'changed' });
  const { items } = await place.run('list_audit', { operation: 'set_role' });
  expect(items).toMatchObject([
    { event: 'closed', outcome: 'done' },
    { event: 'opened', input: expect.stringContaining('slack:T1/UCAT') },
  ]);
});
