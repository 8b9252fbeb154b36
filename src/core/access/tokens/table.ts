import { ignoreFullDisk } from '../../base/system-failure.ts';
import { z } from 'zod';
import { scopes as allScopes } from '../../base/caller.ts';
import type { Scope } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import { parseJson } from '../../base/parse-json.ts';
import { say, task } from '../../base/prose.ts';
import type { Queries, Store } from '../../store/store.ts';
import type { RevokedToken, TokenSummary } from '../access.ts';
import { tokenTasks } from '../rights.ts';
import { hashOf } from './token-hash.ts';

interface TokenTableDeps {
  store: Store;
  now: () => Date;
}

/** Shortest time between two writes of a token's last use. Otherwise every call would be a write. */
const lastUseMs = 60_000;

/** A valid token, without the present role of its person. */
export interface StoredToken {
  id: string;
  personId: string;
  scopes: Scope[];
  agent: boolean;
  mayDecide: boolean;
}

/** Throws `token_expired`. */
export async function findToken({ store, now }: TokenTableDeps, token: string): Promise<StoredToken | undefined> {
  const found = await store.db
    .selectFrom('tokens')
    .select(['id', 'name', 'person_id', 'scopes', 'agent', 'may_decide', 'last_used_at', 'expires_at'])
    .where('hash', '=', hashOf(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!found) return undefined;
  const at = now();
  if (isOver(found.expires_at, at)) {
    throw tokenExpired({ ...found, expires_at: found.expires_at ?? undefined, scopes: parseScopes(found.scopes) });
  }
  if (found.last_used_at === null || at.getTime() - Date.parse(found.last_used_at) > lastUseMs) {
    // Best effort: on a full disk, calls that change nothing go on.
    const noted = store.db.updateTable('tokens').set({ last_used_at: at.toISOString() }).where('id', '=', found.id);
    await noted.execute().catch(ignoreFullDisk);
  }
  return {
    id: found.id,
    personId: found.person_id,
    scopes: parseScopes(found.scopes),
    agent: found.agent === 1,
    mayDecide: found.may_decide === 1,
  };
}

export function isOver(expiresAt: string | null, now: Date): boolean {
  return expiresAt !== null && expiresAt <= now.toISOString();
}

export function tokenExpired(token: {
  name: string;
  expires_at?: string | undefined;
  scopes: readonly Scope[];
}): Error {
  const { name, expires_at: at, scopes } = token;
  const scope = (['operate', 'read'] as const).find((each) => scopes.includes(each)) ?? 'call';
  return fail('token_expired', `The token "${name}" expired at ${at ?? 'an unknown time'}.`, {
    nextStep: say`Make a new one: ${task(tokenTasks[scope])}.`,
  });
}

export interface LiveToken extends Omit<StoredToken, 'mayDecide'> {
  hash: string;
  name: string;
  expiresAt: string | undefined;
}

/** All tokens that are not revoked, with their hashes. Expired ones are among them. */
export async function readLiveTokens(db: Queries): Promise<LiveToken[]> {
  const rows = await db
    .selectFrom('tokens')
    .select(['id', 'hash', 'name', 'person_id', 'scopes', 'agent', 'expires_at'])
    .where('revoked_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    hash: row.hash,
    name: row.name,
    personId: row.person_id,
    scopes: parseScopes(row.scopes),
    agent: row.agent === 1,
    expiresAt: row.expires_at ?? undefined,
  }));
}

/** Changes whenever a token is made or revoked, by whichever process. */
export async function tokensMark(db: Queries): Promise<string> {
  const { made, revoked, last } = await db
    .selectFrom('tokens')
    .select(({ fn }) => [
      fn.countAll<number>().as('made'),
      fn.count<number>('revoked_at').as('revoked'),
      fn.max('created_at').as('last'),
    ])
    .executeTakeFirstOrThrow();
  return `${made} ${revoked} ${last}`;
}

/** Best effort: on a full disk, calls go on. */
export async function noteTokenUses(db: Queries, ids: readonly string[], at: string): Promise<void> {
  const noted = db
    .updateTable('tokens')
    .set({ last_used_at: at })
    .where('id', 'in', [...ids]);
  await noted.execute().catch(ignoreFullDisk);
}

const scopesColumn = z.array(z.unknown());

/** The known scopes of the column. An unknown scope, or a column that is damaged, gives no right. */
export function parseScopes(column: string): Scope[] {
  const stored = scopesColumn.safeParse(parseJson(column));
  return stored.success ? stored.data.flatMap((each) => allScopes.filter((scope) => scope === each)) : [];
}

function liveTokens(db: Queries) {
  return db
    .selectFrom('tokens')
    .innerJoin('persons', 'persons.id', 'tokens.person_id')
    .select([
      'tokens.id',
      'tokens.name',
      'persons.name as person',
      'tokens.scopes',
      'tokens.agent',
      'tokens.may_decide',
      'tokens.created_at',
      'tokens.expires_at',
      'tokens.made_by',
      'tokens.last_used_at',
    ])
    .where('tokens.revoked_at', 'is', null);
}

type TokenRow = Awaited<ReturnType<ReturnType<typeof liveTokens>['execute']>>[number];

function toSummary(row: TokenRow, made: string[]): TokenSummary {
  const { last_used_at: lastUsedAt, expires_at: expiresAt, made_by: madeBy, ...rest } = row;
  return {
    ...rest,
    scopes: parseScopes(row.scopes),
    agent: row.agent === 1,
    may_decide: row.may_decide === 1,
    expires_at: expiresAt ?? undefined,
    made_by: makerOf(madeBy),
    made,
    last_used_at: lastUsedAt ?? undefined,
  };
}

/** An account of a chat is not named: the token's person is. */
export function makerOf(identity: string | null): string | undefined {
  if (identity === null) return undefined;
  if (identity === 'local') return 'terminal';
  return tokenIdOf(identity) ?? identity.split(':')[0];
}

/** The id in the identity of a caller that has a token. */
export function tokenIdOf(identity: string): string | undefined {
  return identity.startsWith('token:') ? identity.slice('token:'.length) : undefined;
}

/** The tokens of one person, or of everybody. */
export async function listTokens({ db }: Store, person?: string): Promise<TokenSummary[]> {
  const all = liveTokens(db).orderBy('tokens.created_at').orderBy('tokens.id');
  const rows = await (person === undefined ? all : all.where('tokens.person_id', '=', person)).execute();
  const made = Map.groupBy(rows, ({ made_by: by }) => (by === null ? undefined : tokenIdOf(by)));
  return rows.map((row) =>
    toSummary(
      row,
      (made.get(row.id) ?? []).map(({ id }) => id),
    ),
  );
}

/** Finds a token by id or by name. If several have the name, that of `owner` counts. Throws `token_not_found`, `token_ambiguous`. */
export function pickToken(tokens: readonly TokenSummary[], idOrName: string, owner: string): TokenSummary {
  const byName = tokens.filter((token) => token.name === idOrName);
  const found = tokens.find(({ id }) => id === idOrName) ?? byName.find(({ person }) => person === owner) ?? byName[0];
  if (!found) {
    throw fail('token_not_found', `You have no token "${idOrName.slice(0, 64)}".`, {
      nextStep: say`See which tokens there are: ${task('list_tokens')}. Only an admin sees those of other people.`,
    });
  }
  if (found.person === owner || byName.length <= 1) return found;
  throw fail('token_ambiguous', `Several people have a token named "${idOrName}".`, {
    nextStep: say`Give the id of the token. To see it: ${task('list_tokens')}.`,
    validValues: byName.map(({ id }) => id),
  });
}

/** Revokes a token and all that were made with it, in one transaction. Throws `token_not_found`, `token_ambiguous`. */
export async function revokeToken({ store, now }: TokenTableDeps, idOrName: string): Promise<RevokedToken> {
  const found = pickToken(await listTokens(store), idOrName, '');
  const at = now().toISOString();
  return store.transaction(async (db) => {
    const also: string[] = [];
    await revokeWhere(db, 'id', [found.id], at);
    // A call that makes a token writes the row of its maker. So a level is complete once its makers are revoked.
    let makers = await revokeWhere(db, 'parent_id', [found.id], at);
    while (makers.length > 0) {
      also.push(...makers.map(({ name }) => name));
      makers = await revokeWhere(
        db,
        'parent_id',
        makers.map(({ id }) => id),
        at,
      );
    }
    return { ...found, also_revoked: also };
  });
}

function revokeWhere(db: Queries, column: 'id' | 'parent_id', ids: readonly string[], at: string) {
  return db
    .updateTable('tokens')
    .set({ revoked_at: at })
    .where(column, 'in', ids)
    .where('revoked_at', 'is', null)
    .returning(['id', 'name'])
    .execute();
}
