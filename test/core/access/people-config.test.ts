import { expect, test } from 'vitest';
import { parseConfigFile } from '../../../src/core/config/parse.ts';
import { stores } from '../../support/stores.ts';
import { openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const sqlite = stores()[0] ?? expect.fail('There is a store');
const people = (role: string) => `people: [{name: Bob, role: ${role}, identities: ["slack:T1/UBOB"]}]\n`;
const errors = (place: PeoplePlace) => place.logged().filter(({ level }) => Number(level) >= 50);
const role = async (place: PeoplePlace) => (await place.access.personOfSlack('T1', 'UBOB'))?.role;

test.each([
  ['is not YAML', 'people: [', 'bad_config'],
  ['names an unknown role', people('emperor'), 'bad_config'],
  ['names an unknown group', people('viewer').replace('}]', ', groups: [x]}]'), 'bad_config'],
])('a new file that %s changes nothing, and the log says so once, with the line', async (_what, text, code) => {
  await using place = await openPeople(sqlite, people('approver'));
  await place.write(text);
  expect(await role(place)).toBe('approver');
  expect(await role(place)).toBe('approver');
  expect(errors(place)).toMatchObject([{ code, reason: expect.stringContaining(', line 1: ') }]);
  await place.write(people('viewer'));
  expect(await role(place)).toBe('viewer');
  expect(errors(place)).toHaveLength(1);
});

test('a deleted file changes nothing, and the log says so; a new one counts again', async () => {
  await using place = await openPeople(sqlite, people('approver'));
  await place.remove();
  expect(await role(place)).toBe('approver');
  expect(errors(place)).toMatchObject([{ code: 'bad_config' }]);
  await place.write(people('member'));
  expect(await role(place)).toBe('member');
});

test('the log reports a bad file although nobody calls', async () => {
  await using place = await openPeople(sqlite, people('approver'));
  await place.write('people: [');
  await place.clock.advance(10_000);
  expect(errors(place)).toHaveLength(1);
});

test('only listed workspaces and organisations are admitted; without a list, the workspace of the token is', async () => {
  await using place = await openPeople(sqlite, '');
  expect(place.access.admitsWorkspace({ team: 'T1' })).toBe(true);
  await place.write('slack: {workspaces: [T1], organisations: [E1]}\n');
  const { access } = place;
  expect(access.admitsWorkspace({ team: 'T1' })).toBe(true);
  expect(access.admitsWorkspace({ team: 'T9', enterprise: 'E1' })).toBe(true);
  expect(access.admitsWorkspace({ team: 'T2' })).toBe(false);
  expect(access.admitsWorkspace({ team: 'T2', enterprise: 'E2' })).toBe(false);
});

test.each([
  [
    'one identity for two people',
    'people: [{name: A, role: viewer, identities: [local]}, {name: B, role: viewer, identities: [local]}]',
  ],
  ['two groups of one name', 'groups: [{name: a}, {name: a}]'],
  ['a Slack group without its team', 'groups: [{name: a, slack: S123}]'],
])('the refusal of a config with %s names the line', (_what, text) => {
  expect(() => parseConfigFile(text, 'ecolink.yaml')).toThrow('ecolink.yaml, line 1: ');
});
