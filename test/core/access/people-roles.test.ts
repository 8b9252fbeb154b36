import { sql } from 'kysely';
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
  test('a role that the config changes counts from the next call on', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const before = await place.access.personOfSlack('T1', 'UBOB');
    expect(before).toMatchObject({ name: 'Bob', role: 'viewer' });
    await place.write(people(ada, bob('approver')));
    expect(await place.access.personOfSlack('T1', 'UBOB')).toEqual({ ...before, role: 'approver' });
    expect(await place.access.current(before?.id ?? '')).toMatchObject({ role: 'approver' });
  });

  test('somebody who is removed from the config has no role, and their tokens and agents stop', async () => {
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

  test('an identity that the config takes from somebody does not work any more', async () => {
    await using place = await openPeople(kind, people(ada));
    expect(await roleOf(place, 'UADA')).toBe('admin');
    await place.write(people('{name: Ada, role: admin, identities: [local]}'));
    expect(await roleOf(place, 'UADA')).toBeUndefined();
    // It does not work either if another process with another config stores it again.
    const { id } = await place.access.local();
    await place.store.db.insertInto('identities').values({ identity: 'slack:T1/UADA', person_id: id }).execute();
    expect(await roleOf(place, 'UADA')).toBeUndefined();
  });

  test('one person has one id, with every identity and after a new name for the same account', async () => {
    await using place = await openPeople(kind, people(ada, bob('member')));
    expect(await place.access.local()).toEqual(await place.access.personOfSlack('T1', 'UADA'));
    const person = await place.access.personOfSlack('T1', 'UBOB');
    await place.write(people(ada, '{name: Robert, role: member, identities: ["slack:T1/UBOB"]}'));
    expect(await place.access.personOfSlack('T1', 'UBOB')).toEqual({ ...person, name: 'Robert' });
  });

  test('the person at the terminal without a config stays the same person with one', async () => {
    await using place = await openPeople(kind, '');
    const before = await place.access.local();
    expect(before.role).toBe('admin');
    await place.write(people(ada));
    expect(await place.access.local()).toEqual({ id: before.id, name: 'Ada', role: 'admin' });
  });

  test('another person at the terminal does not become the person that the config listed before', async () => {
    await using place = await openPeople(kind, people(ada));
    const before = await place.access.local();
    await place.write(people('{name: Eve, role: viewer, identities: [local]}'));
    expect((await place.access.local()).id).not.toBe(before.id);
  });

  test('the highest of several roles in the config counts', async () => {
    const groups = 'groups: [{name: reviewers, role: approver}, {name: readers, role: viewer}]\n';
    await using place = await openPeople(kind, people(ada, bob('member', ', groups: [reviewers, readers]')) + groups);
    expect(await roleOf(place, 'UBOB')).toBe('approver');
  });

  test('a Slack group gives its role to its present members, listed or not, and to nobody without a lookup', async () => {
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

  test('an account that is deactivated in Slack has no role, listed or not, and its tokens do not work', async () => {
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

  test('while Slack cannot be asked, active people keep their role and deactivated ones get none back', async () => {
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

  test('a granted role counts while the config does not list the person', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const { id } = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const given = { role: 'admin', givenBy: 'Ada', givenAt: new Date().toISOString() } as const;
    await giveRole(place.store.db, id, given);
    expect(await roleOf(place, 'UBOB')).toBe('viewer');
    // Removal from the config also takes the granted role.
    await place.write(people(ada));
    expect(await roleOf(place, 'UBOB')).toBeUndefined();
    await giveRole(place.store.db, id, { ...given, role: 'member' });
    expect(await roleOf(place, 'UBOB')).toBe('member');
  });

  test('a granted role that does not exist counts as none', async () => {
    await using place = await openPeople(kind, people(ada));
    const { id } = await place.access.local();
    await sql`insert into persons (id, name, role, created_at) values ('per_cat', 'Cat', 'none', ${id})`.execute(
      place.store.db,
    );
    await sql`insert into identities (identity, person_id) values ('slack:T1/UCAT', 'per_cat')`.execute(place.store.db);
    const granted = { role: 'admin', givenBy: 'Ada', givenAt: place.clock.now().toISOString() } as const;
    await giveRole(place.store.db, 'per_cat', granted);
    expect(await roleOf(place, 'UCAT')).toBe('admin');
    await sql`update role_grants set role = 'emperor'`.execute(place.store.db);
    expect(await roleOf(place, 'UCAT')).toBeUndefined();
    expect(await place.access.membersOf({ roles: ['viewer'] })).toMatchObject([{ name: 'Ada' }]);
  });

  test('somebody who was removed while no server ran has no role at the next start', async () => {
    await using place = await openPeople(kind, people(ada, bob('viewer')));
    const { id } = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
    const given = { role: 'admin', givenBy: 'Ada', givenAt: new Date().toISOString() } as const;
    await giveRole(place.store.db, id, given);
    await place.write(people(ada));
    const later = await place.again();
    expect(await roleOf(later, 'UBOB')).toBeUndefined();
  });

  test('the people of a policy are found by name, group and role, each once and with the present role', async () => {
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
