import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { roles } from '../../../src/core/base/caller.ts';
import { stores } from '../../support/stores.ts';
import { openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const bob = (role: string) => `people: [{name: Bob, role: ${role}, identities: ["slack:T1/UBOB"]}]\n`;

async function makeToken(place: PeoplePlace, kind: { agent?: boolean; mayDecide?: boolean } = {}) {
  const person = (await place.access.personOfSlack('T1', 'UBOB')) ?? expect.fail('Bob is listed');
  return place.access.createToken(person, 'own', ['operate', 'operate'], kind);
}

describe.each(stores())('a token on $name', (kind) => {
  test('never gives more than its person’s present role', async () => {
    await using place = await openPeople(kind, bob('admin'));
    const { token } = await makeToken(place);
    for (const role of roles) {
      await place.write(bob(role));
      expect(await place.access.callerOfToken(token, 'http')).toMatchObject({ person: { name: 'Bob', role } });
    }
  });

  test('can decide if it was made for that, but never for an agent or over MCP', async () => {
    await using place = await openPeople(kind, bob('approver'));
    const { access } = place;
    const { token, summary } = await makeToken(place, { mayDecide: true });
    expect(summary).toMatchObject({ scopes: ['operate'], agent: false, may_decide: true });
    expect(await access.callerOfToken(token, 'http')).toMatchObject({ agent: false, mayDecide: true });
    expect(await access.callerOfToken(token, 'cli')).toMatchObject({ agent: false, mayDecide: true });
    expect(await access.callerOfToken(token, 'mcp')).toMatchObject({ agent: true, mayDecide: false });
    await access.revokeToken('own');
    const plain = await makeToken(place);
    expect(await access.callerOfToken(plain.token, 'cli')).toMatchObject({ agent: false, mayDecide: false });
    await access.revokeToken('own');
    const agent = await makeToken(place, { agent: true });
    for (const source of ['http', 'cli', 'mcp', 'slack'] as const) {
      expect(await access.callerOfToken(agent.token, source)).toMatchObject({ agent: true, mayDecide: false });
    }
    expect(await access.listTokens()).toMatchObject([{ name: 'own', agent: true, may_decide: false }]);
  });

  test.each([
    ['["operate","fly"]', ['operate']],
    ['"operate"', []],
    ['[oper', []],
  ])(
    'whose stored scopes are %s has only those that exist, and is in the list with the others',
    async (column, scopes) => {
      await using place = await openPeople(kind, bob('admin'));
      const { token } = await makeToken(place);
      await place.clock.advance(1);
      await place.access.createToken(await place.access.local(), 'other', ['read']);
      await sql`update tokens set scopes = ${column} where name = 'own'`.execute(place.store.db);
      expect(await place.access.callerOfToken(token, 'http')).toMatchObject({ scopes });
      expect(await place.access.listTokens()).toMatchObject([
        { name: 'own', scopes },
        { name: 'other', scopes: ['read'] },
      ]);
    },
  );

  test('cannot be for an agent that decides, and needs a scope and a valid name', async () => {
    await using place = await openPeople(kind, bob('admin'));
    await expect(makeToken(place, { agent: true, mayDecide: true })).rejects.toMatchObject({
      code: 'bad_field',
      field: 'may_decide',
    });
    const person = await place.access.local();
    for (const name of ['', 'a b', 'a\nb', 'ä', 'x'.repeat(65), '../x', '<!channel>']) {
      await expect(place.access.createToken(person, name, ['read'])).rejects.toMatchObject({ field: 'name' });
    }
    await expect(place.access.createToken(person, 'a', [])).rejects.toMatchObject({ field: 'scopes' });
    expect(await place.access.listTokens()).toEqual([]);
  });
});
