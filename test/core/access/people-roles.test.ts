import { describe, expect, test } from 'vitest';
import type { Role } from '../../../src/core/base/caller.ts';
import { giveRole } from '../../../src/core/access/people/table.ts';
import { stores } from '../../support/stores.ts';
import { fakeDirectory, openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const ada = '{name: Ada, role: admin, identities: [local, "slack:T1/UADA"]}';
const bob = (role: Role, more = '') => `{name: Bob, role: ${role}, identities: ["slack:T1/UBOB"]${more}}`;
const people = (...listed: string[]) => `people: [${listed.join(', ')}]\n`;

async function roleOf(place: PeoplePlace, user: string): Promise<Role | undefined> {
  return (await place.access.personOfSlack('T1', user))?.role;
}

describe.each(stores())('on $name', (kind) => {
  test('a role that the config changes counts from the next question on', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const before = await place.access.personOfSlack('T1', 'UBOB');
    expect(before).toMatchObject({ name: 'Bob', role: 'viewer' });
    await place.write(people(ada, bob('approver')));
    expect(await place.access.personOfSlack('T1', 'UBOB')).toEqual({ ...before, role: 'approver' });
    expect(await place.access.current(before?.id ?? '')).toMatchObject({ role: 'approver' });
  });

  test('somebody taken out of the config has no role, and their tokens and agents stop', async () => {
    await using place = await openPeople(kind, people(ada, bob('approver')));
    const person = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const own = await place.access.createToken(person, 'own', ['operate'], { mayDecide: true });
    const agent = await place.access.createToken(person, 'agent', ['operate'], { agent: true });
    expect(await place.access.callerOfToken(own.token, 'http')).toMatchObject({ person, agent: false });
    await place.write(people(ada));
    expect(await place.access.callerOfToken(own.token, 'http')).toBeUndefined();
    expect(await place.access.callerOfToken(agent.token, 'mcp')).toBeUndefined();
    expect(await place.access.current(person.id)).toBeUndefined();
    expect(await roleOf(place, 'UBOB')).toBeUndefined();
    expect(await place.access.membersOf({ people: ['Bob'], roles: ['approver'] })).toMatchObject([{ name: 'Ada' }]);
    await place.write(people(ada, bob('viewer')));
    expect(await place.access.callerOfToken(own.token, 'http')).toMatchObject({ person: { role: 'viewer' } });
  });

  test('an identity taken from somebody in the config is theirs no more', async () => {
    await using place = await openPeople(kind, people(ada));
    expect(await roleOf(place, 'UADA')).toBe('admin');
    await place.write(people('{name: Ada, role: admin, identities: [local]}'));
    expect(await roleOf(place, 'UADA')).toBeUndefined();
    // Nor where another process, with another config, has written it down again.
    const { id } = await place.access.local();
    await place.store.db.insertInto('identities').values({ identity: 'slack:T1/UADA', person_id: id }).execute();
    expect(await roleOf(place, 'UADA')).toBeUndefined();
  });

  test('one person has one id, through every identity and after a new name for the same account', async () => {
    await using place = await openPeople(kind, people(ada, bob('member')));
    expect(await place.access.local()).toEqual(await place.access.personOfSlack('T1', 'UADA'));
    const person = await place.access.personOfSlack('T1', 'UBOB');
    await place.write(people(ada, '{name: Robert, role: member, identities: ["slack:T1/UBOB"]}'));
    expect(await place.access.personOfSlack('T1', 'UBOB')).toEqual({ ...person, name: 'Robert' });
  });

  test('who sat at the terminal before there was a config stays the same person in it', async () => {
    await using place = await openPeople(kind, '');
    const before = await place.access.local();
    expect(before.role).toBe('admin');
    await place.write(people(ada));
    expect(await place.access.local()).toEqual({ id: before.id, name: 'Ada', role: 'admin' });
  });

  test('another person at the terminal does not become who the config listed there before', async () => {
    await using place = await openPeople(kind, people(ada));
    const before = await place.access.local();
    await place.write(people('{name: Eve, role: viewer, identities: [local]}'));
    expect((await place.access.local()).id).not.toBe(before.id);
  });

  test('of several roles in the config the highest counts', async () => {
    const groups = 'groups: [{name: reviewers, role: approver}, {name: readers, role: viewer}]\n';
    await using place = await openPeople(kind, people(ada, bob('member', ', groups: [reviewers, readers]')) + groups);
    expect(await roleOf(place, 'UBOB')).toBe('approver');
  });

  test('a Slack group gives its role to its members of the moment, listed or not, and nothing without a look-up', async () => {
    const groups = 'groups: [{name: ml, role: approver, slack: T1/SML}]\n';
    await using place = await openPeople(kind, people(ada, bob('viewer')) + groups);
    expect(await roleOf(place, 'UBOB')).toBe('viewer');
    expect(await roleOf(place, 'UCAT')).toBeUndefined();
    expect(await place.access.membersOf({ groups: ['ml'] })).toEqual([]);
    const directory = fakeDirectory();
    place.access.lookUpGroupsWith(directory);
    directory.groups['T1/SML'] = ['slack:T1/UBOB', 'slack:T1/UCAT'];
    expect(await roleOf(place, 'UBOB')).toBe('approver');
    const cat = await place.access.personOfSlack('T1', 'UCAT');
    expect(cat?.role).toBe('approver');
    expect((await place.access.membersOf({ groups: ['ml'] })).map(({ name }) => name)).toEqual(['Bob', cat?.name]);
    const { token } = await place.access.createToken(cat ?? expect.fail('Cat is in the group'), 'cat', ['read']);
    directory.groups = {};
    expect(await roleOf(place, 'UBOB')).toBe('viewer');
    expect(await roleOf(place, 'UCAT')).toBeUndefined();
    expect(await place.access.callerOfToken(token, 'http')).toBeUndefined();
    expect(await place.access.membersOf({ groups: ['ml'] })).toEqual([]);
  });

  test('who is deactivated in Slack has no role, listed or not, and no token that works', async () => {
    await using place = await openPeople(kind, people(ada, bob('approver')));
    const person = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const { token } = await place.access.createToken(person, 'own', ['read']);
    const directory = fakeDirectory();
    place.access.lookUpGroupsWith(directory);
    directory.gone.add('slack:T1/UBOB');
    expect(await roleOf(place, 'UBOB')).toBeUndefined();
    expect(await place.access.callerOfToken(token, 'http')).toBeUndefined();
    expect(await place.access.membersOf({ roles: ['viewer'] })).toMatchObject([{ name: 'Ada' }]);
  });

  test('while Slack says nothing, who was active keeps their role and who was deactivated gets none back', async () => {
    await using place = await openPeople(kind, people(ada, bob('approver')));
    const directory = fakeDirectory();
    place.access.lookUpGroupsWith(directory);
    directory.gone.add('slack:T1/UBOB');
    expect(await roleOf(place, 'UBOB')).toBeUndefined();
    directory.silent = true;
    expect([await roleOf(place, 'UADA'), await roleOf(place, 'UBOB')]).toEqual(['admin', undefined]);
    directory.silent = false;
    directory.gone.clear();
    expect(await roleOf(place, 'UBOB')).toBe('approver');
  });

  test('a role given from elsewhere counts until the config says something of that person', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const { id } = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const given = { role: 'admin', givenBy: 'Ada', givenAt: new Date().toISOString() } as const;
    await giveRole(place.store.db, id, given);
    expect(await roleOf(place, 'UBOB')).toBe('viewer');
    // Taken out of the config, they lose that too: who removes somebody means it.
    await place.write(people(ada));
    expect(await roleOf(place, 'UBOB')).toBeUndefined();
    await giveRole(place.store.db, id, { ...given, role: 'member' });
    expect(await roleOf(place, 'UBOB')).toBe('member');
  });

  test('somebody who was taken out while no server ran has nothing at the next start', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const { id } = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const given = { role: 'admin', givenBy: 'Ada', givenAt: new Date().toISOString() } as const;
    await giveRole(place.store.db, id, given);
    await place.write(people(ada));
    const later = await place.again();
    expect(await roleOf(later, 'UBOB')).toBeUndefined();
  });

  test('the people of a policy are found by name, group and role, each once and with the role of now', async () => {
    const groups = 'groups: [{name: ops}]\n';
    const listed = people(
      ada,
      bob('approver', ', groups: [ops]'),
      '{name: Cat, role: viewer, identities: ["slack:T1/UCAT"]}',
    );
    await using place = await openPeople(kind, listed + groups);
    const names = async (who: Parameters<typeof place.access.membersOf>[0]) =>
      (await place.access.membersOf(who)).map(({ name, role }) => `${name} ${role}`).toSorted();
    expect(await names({ roles: ['approver'] })).toEqual(['Ada admin', 'Bob approver']);
    expect(await names({ groups: ['ops', 'nobody'], people: ['Bob', 'Cat', 'Dan'] })).toEqual([
      'Bob approver',
      'Cat viewer',
    ]);
    expect(await names({})).toEqual([]);
  });

  test('two processes that start at the same moment make each person once', async () => {
    await using place = await openPeople(kind, people(ada, bob('member')));
    const [one, two] = await Promise.all([place.again(), place.again()]);
    expect(await one.access.personOfSlack('T1', 'UBOB')).toEqual(await two.access.personOfSlack('T1', 'UBOB'));
    expect(await place.store.db.selectFrom('persons').select('name').orderBy('name').execute()).toEqual([
      { name: 'Ada' },
      { name: 'Bob' },
    ]);
  });
});
