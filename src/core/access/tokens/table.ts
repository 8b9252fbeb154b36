import { createHash, randomBytes } from 'node:crypto';
import { fail } from '../../base/errors.ts';
import { randomId } from '../../base/ids.ts';
import type { Store } from '../../store/store.ts';
import type { TokenKind, TokenSummary } from '../access.ts';
import type { Person, Scope } from '../../base/caller.ts';

/** How often a token's last use is written, at most: every call would be a write otherwise. */
const lastUseMs = 60_000;

/** What a good token says; who its person is now is asked elsewhere. */
export interface StoredToken {
  id: string;
  personId: string;
  scopes: Scope[];
  agent: boolean;
  mayDecide: boolean;
}

/** Tokens are 256 random bits, so a fast hash is as good as a slow one. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export async function findToken(store: Store, now: Date, token: string): Promise<StoredToken | undefined> {
  const found = await store.db
    .selectFrom('tokens')
    .select(['id', 'person_id', 'scopes', 'agent', 'may_decide', 'last_used_at'])
    .where('hash', '=', hashOf(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!found) return undefined;
  if (found.last_used_at === null || now.getTime() - Date.parse(found.last_used_at) > lastUseMs) {
    await store.db.updateTable('tokens').set({ last_used_at: now.toISOString() }).where('id', '=', found.id).execute();
  }
  return {
    id: found.id,
    personId: found.person_id,
    scopes: JSON.parse(found.scopes) as Scope[],
    agent: found.agent === 1,
    mayDecide: found.may_decide === 1,
  };
}

/** Throws `bad_field`, `token_exists`. */
export async function createToken(
  store: Store,
  now: Date,
  person: Person,
  name: string,
  scopes: readonly Scope[],
  { agent = false, mayDecide = false }: TokenKind = {},
) {
  check(name, scopes, agent && mayDecide);
  const token = `eco_${randomBytes(32).toString('base64url')}`;
  const summary: TokenSummary = {
    id: randomId('tok'),
    name,
    person: person.name,
    scopes: [...new Set(scopes)],
    agent,
    may_decide: mayDecide,
    created_at: now.toISOString(),
  };
  const made = await store.db
    .insertInto('tokens')
    .values({
      id: summary.id,
      person_id: person.id,
      name,
      hash: hashOf(token),
      scopes: JSON.stringify(summary.scopes),
      agent: agent ? 1 : 0,
      may_decide: mayDecide ? 1 : 0,
      created_at: summary.created_at,
      last_used_at: null,
      revoked_at: null,
    })
    .onConflict((on) => on.columns(['person_id', 'name']).where('revoked_at', 'is', null).doNothing())
    .executeTakeFirst();
  if (made.numInsertedOrUpdatedRows === 0n) {
    throw fail('token_exists', `You have a token named "${name}" already.`, {
      nextStep: 'Choose another name, or revoke that one first.',
      field: 'name',
    });
  }
  return { token, summary };
}

function check(name: string, scopes: readonly Scope[], decidingAgent: boolean): void {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw fail('bad_field', 'The name of a token must be 1 to 64 letters, digits, "_", "." and "-".', {
      nextStep: 'Name it after what uses it, such as "my-app".',
      field: 'name',
    });
  }
  if (scopes.length === 0) {
    throw fail('bad_field', 'A token needs a scope.', {
      nextStep: 'Say what it may be used for.',
      field: 'scopes',
    });
  }
  if (decidingAgent) {
    throw fail('bad_field', "An agent's token cannot decide: an agent asks, and a person decides.", {
      nextStep: 'Make one token for the agent, and another for decisions of your own.',
      field: 'may_decide',
    });
  }
}

function liveTokens(store: Store) {
  return store.db
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
      'tokens.last_used_at',
    ])
    .where('tokens.revoked_at', 'is', null);
}

type TokenRow = Awaited<ReturnType<ReturnType<typeof liveTokens>['execute']>>[number];

function toSummary({ last_used_at: lastUsedAt, ...row }: TokenRow): TokenSummary {
  return {
    ...row,
    scopes: JSON.parse(row.scopes) as Scope[],
    agent: row.agent === 1,
    may_decide: row.may_decide === 1,
    ...(lastUsedAt === null ? {} : { last_used_at: lastUsedAt }),
  };
}

/** Those of one person, or everybody's. */
export async function listTokens(store: Store, person?: string): Promise<TokenSummary[]> {
  const all = liveTokens(store).orderBy('tokens.created_at');
  return (await (person === undefined ? all : all.where('tokens.person_id', '=', person)).execute()).map(toSummary);
}

/** By id, or by name: one's own first, for two people may have one name. Throws `token_not_found`, `token_ambiguous`. */
export function pickToken(tokens: readonly TokenSummary[], idOrName: string, mine: string): TokenSummary {
  const byName = tokens.filter((token) => token.name === idOrName);
  const found = tokens.find(({ id }) => id === idOrName) ?? byName.find(({ person }) => person === mine) ?? byName[0];
  if (!found) {
    throw fail('token_not_found', `You have no token "${idOrName.slice(0, 64)}".`, {
      nextStep: 'List the tokens with "ecolink token list"; only an admin sees those of others.',
    });
  }
  if (found.person === mine || byName.length <= 1) return found;
  throw fail('token_ambiguous', `Several people have a token named "${idOrName}".`, {
    nextStep: 'Give its id, as "ecolink token list" shows it.',
    validValues: byName.map(({ id }) => id),
  });
}

/** Throws `token_not_found`, `token_ambiguous`. */
export async function revokeToken(store: Store, now: Date, idOrName: string): Promise<TokenSummary> {
  const found = pickToken(await listTokens(store), idOrName, '');
  await store.db.updateTable('tokens').set({ revoked_at: now.toISOString() }).where('id', '=', found.id).execute();
  return found;
}
