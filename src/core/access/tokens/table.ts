import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { scopes as allScopes } from '../../base/caller.ts';
import type { Person, Scope } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import type { NewId } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import { say, task } from '../../base/prose.ts';
import type { Store } from '../../store/store.ts';
import type { TokenKind, TokenSummary } from '../access.ts';

export interface TokenTableDeps {
  store: Store;
  now: () => Date;
  newId: NewId;
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

/** Tokens are 256 random bits, so a fast hash is as good as a slow one. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export async function findToken(
  { store, now }: Pick<TokenTableDeps, 'store' | 'now'>,
  token: string,
): Promise<StoredToken | undefined> {
  const found = await store.db
    .selectFrom('tokens')
    .select(['id', 'person_id', 'scopes', 'agent', 'may_decide', 'last_used_at'])
    .where('hash', '=', hashOf(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (!found) return undefined;
  const at = now();
  if (found.last_used_at === null || at.getTime() - Date.parse(found.last_used_at) > lastUseMs) {
    await store.db.updateTable('tokens').set({ last_used_at: at.toISOString() }).where('id', '=', found.id).execute();
  }
  return {
    id: found.id,
    personId: found.person_id,
    scopes: parseScopes(found.scopes),
    agent: found.agent === 1,
    mayDecide: found.may_decide === 1,
  };
}

/** Throws `bad_field`, `token_exists`. */
export async function createToken(
  { store, now, newId }: TokenTableDeps,
  person: Person,
  name: string,
  scopes: readonly Scope[],
  { agent = false, mayDecide = false }: TokenKind = {},
): Promise<{ token: string; summary: TokenSummary }> {
  check(name, scopes, agent && mayDecide);
  const token = `eco_${randomBytes(32).toString('base64url')}`;
  const summary: TokenSummary = {
    id: newId('tok'),
    name,
    person: person.name,
    scopes: [...new Set(scopes)],
    agent,
    may_decide: mayDecide,
    created_at: now().toISOString(),
  };
  if (!(await insertToken(store, person, token, summary)))
    throw fail('token_exists', `You have a token named "${name}" already.`, {
      nextStep: 'Choose another name, or revoke that one first.',
      field: 'name',
    });
  return { token, summary };
}

/** Returns false if the person has a token of that name. */
async function insertToken(store: Store, person: Person, token: string, summary: TokenSummary): Promise<boolean> {
  const made = await store.db
    .insertInto('tokens')
    .values({
      id: summary.id,
      person_id: person.id,
      name: summary.name,
      hash: hashOf(token),
      scopes: JSON.stringify(summary.scopes),
      agent: summary.agent ? 1 : 0,
      may_decide: summary.may_decide ? 1 : 0,
      created_at: summary.created_at,
      last_used_at: null,
      revoked_at: null,
    })
    .onConflict((on) => on.columns(['person_id', 'name']).where('revoked_at', 'is', null).doNothing())
    .executeTakeFirst();
  return made.numInsertedOrUpdatedRows !== 0n;
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
      nextStep: `Give one or more of the scopes ${allScopes.join(', ')}.`,
      field: 'scopes',
      validValues: allScopes,
    });
  }
  if (decidingAgent) {
    throw fail('bad_field', "An assistant's token cannot decide: an assistant asks, and a person decides.", {
      nextStep: 'Make one token for the assistant, and another one for your own decisions.',
      field: 'may_decide',
    });
  }
}

const scopesColumn = z.array(z.unknown());

/** The known scopes of the column. An unknown scope, or a column that is damaged, gives no right. */
function parseScopes(column: string): Scope[] {
  const stored = scopesColumn.safeParse(parseJson(column));
  return stored.success ? stored.data.flatMap((each) => allScopes.filter((scope) => scope === each)) : [];
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
    scopes: parseScopes(row.scopes),
    agent: row.agent === 1,
    may_decide: row.may_decide === 1,
    last_used_at: lastUsedAt ?? undefined,
  };
}

/** The tokens of one person, or of everybody. */
export async function listTokens(store: Store, person?: string): Promise<TokenSummary[]> {
  const all = liveTokens(store).orderBy('tokens.created_at').orderBy('tokens.id');
  return (await (person === undefined ? all : all.where('tokens.person_id', '=', person)).execute()).map(toSummary);
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

/** Throws `token_not_found`, `token_ambiguous`. */
export async function revokeToken(
  { store, now }: Pick<TokenTableDeps, 'store' | 'now'>,
  idOrName: string,
): Promise<TokenSummary> {
  const found = pickToken(await listTokens(store), idOrName, '');
  await store.db.updateTable('tokens').set({ revoked_at: now().toISOString() }).where('id', '=', found.id).execute();
  return found;
}
