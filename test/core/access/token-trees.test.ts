import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TokenKind } from '../../../src/core/access/access.ts';
import type { Scope } from '../../../src/core/base/caller.ts';
import { stores } from '../../support/stores.ts';
import { openPeople } from './people-place.ts';
import type { PeoplePlace } from './people-place.ts';

const dayMs = 86_400_000;

describe.each(stores())('tokens in $name', (kind) => {
  let place: PeoplePlace;
  beforeEach(async () => {
    place = await openPeople(kind, 'tokens: { default_expiry: 10d, maximum_expiry: 30d }\n');
  });
  afterEach(() => place[Symbol.asyncDispose]());

  async function make(name: string, options: TokenKind & { scopes?: Scope[]; parent?: string } = {}) {
    const { scopes = ['operate'], parent, ...rest } = options;
    const madeBy = parent === undefined ? 'local' : `token:${parent}`;
    const made = await place.access.createToken(await place.access.local(), name, scopes, { madeBy, ...rest });
    return { ...made.summary, token: made.token };
  }

  const daysFromNow = (days: number): string => new Date(place.clock.now().getTime() + days * dayMs).toISOString();
  const callerOf = ({ token }: { token: string }) => place.access.callerOfToken(token, 'http');
  const listed = async () => place.access.listTokens();

  test('expire after the default of the configuration, or when they were told to, and at most after its maximum', async () => {
    expect(await make('usual')).toMatchObject({ expires_at: daysFromNow(10) });
    expect(await make('short', { expiresIn: '8h' })).toMatchObject({ expires_at: daysFromNow(8 / 24) });
    expect(await make('long', { expiresIn: '30d' })).toMatchObject({ expires_at: daysFromNow(30) });
    for (const expiresIn of ['31d', '99999999999999999999d', '0d', '-1d', 'never', '1w', ''])
      await expect(make('wrong', { expiresIn })).rejects.toMatchObject({ code: 'bad_field', field: 'expires_in' });
    await place.write('tokens: { maximum_expiry: 2d }\n');
    expect(await make('capped')).toMatchObject({ expires_at: daysFromNow(2) });
  });

  test('are refused from then on with a code of their own, and do not keep their name', async () => {
    const usual = await make('ci', { scopes: ['call'] });
    place.clock.shiftWallClock(10 * dayMs - 1);
    expect(await callerOf(usual)).toMatchObject({ identity: `token:${usual.id}` });
    place.clock.shiftWallClock(1);
    await expect(callerOf(usual)).rejects.toMatchObject({ code: 'token_expired', httpStatus: 401 });
    expect(await listed()).toMatchObject([{ name: 'ci', expires_at: usual.expires_at }]);
    const again = await make('ci');
    expect(await callerOf(again)).toBeDefined();
    expect(await listed()).toMatchObject([{ id: again.id }]);
  });

  test('that were made before tokens expired keep none', async () => {
    const old = await make('old');
    await place.store.db.updateTable('tokens').set({ last_used_at: null }).execute();
    await place.store.db.deleteFrom('tokens').where('id', '=', old.id).execute();
    await place.store.db
      .insertInto('tokens')
      .values({
        id: 'tok_old',
        person_id: (await place.access.local()).id,
        name: 'old',
        hash: 'x',
        scopes: '["read"]',
        created_at: daysFromNow(-900),
        expires_at: null,
        made_by: null,
        parent_id: null,
        last_used_at: null,
        revoked_at: null,
      })
      .execute();
    expect(await listed()).toMatchObject([{ id: 'tok_old', expires_at: undefined, made_by: undefined, made: [] }]);
    expect(await make('child', { parent: 'tok_old', scopes: ['read'] })).toMatchObject({ expires_at: daysFromNow(10) });
  });

  test('say who made them and what they made', async () => {
    const parent = await make('parent');
    const child = await make('child', { parent: parent.id });
    const slack = await make('from-slack', { madeBy: 'slack:T1/U1' });
    const all = Object.fromEntries((await listed()).map((each) => [each.id, each]));
    expect(all[parent.id]).toMatchObject({ made_by: 'terminal', made: [child.id] });
    expect(all[child.id]).toMatchObject({ made_by: parent.id, made: [] });
    expect(all[slack.id]).toMatchObject({ made_by: 'slack' });
  });

  test('make none that may do more, or that outlives them', async () => {
    const parent = await make('parent', { scopes: ['operate'], expiresIn: '2d' });
    await expect(make('more', { parent: parent.id, scopes: ['call'] })).rejects.toMatchObject({
      code: 'scope_missing',
    });
    await expect(make('longer', { parent: parent.id, expiresIn: '3d' })).rejects.toMatchObject({ field: 'expires_in' });
    expect(await make('usual', { parent: parent.id, scopes: ['read'] })).toMatchObject({
      expires_at: parent.expires_at,
    });
    expect(await make('less', { parent: parent.id, expiresIn: '1d' })).toMatchObject({ expires_at: daysFromNow(1) });
    place.clock.shiftWallClock(2 * dayMs);
    await expect(make('late', { parent: parent.id })).rejects.toMatchObject({ code: 'invalid_token' });
  });

  test('are revoked with all that they made, and nothing else is', async () => {
    const root = await make('root');
    const child = await make('child', { parent: root.id });
    const grandchild = await make('grandchild', { parent: child.id });
    const sibling = await make('sibling');
    const niece = await make('niece', { parent: sibling.id });
    const revoked = await place.access.revokeToken('root');
    expect(revoked).toMatchObject({ id: root.id, also_revoked: ['child', 'grandchild'] });
    for (const gone of [root, child, grandchild]) expect(await callerOf(gone)).toBeUndefined();
    for (const kept of [sibling, niece]) expect(await callerOf(kept)).toBeDefined();
    await expect(make('orphan', { parent: child.id })).rejects.toMatchObject({ code: 'invalid_token' });
  });

  test('that are made while their maker is revoked do not survive it', async () => {
    const root = await make('root');
    const [, made] = await Promise.allSettled([
      place.access.revokeToken('root'),
      make('child', { parent: root.id }),
      make('other', { parent: root.id }),
    ]);
    expect(await listed()).toEqual([]);
    if (made?.status === 'fulfilled') expect(await callerOf(made.value)).toBeUndefined();
  });
});
