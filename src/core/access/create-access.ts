import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { conflict, notFound } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Store } from '../store/store.ts';
import type { Access, TokenSummary } from './access.ts';
import { scopes as allScopes } from './caller.ts';
import type { Caller, Person, Role, Scope } from './caller.ts';

/** How often a token's last use is written, at most: every call would be a write otherwise. */
const lastUseMs = 60_000;

export async function createAccess(config: Config, store: Store, now: () => Date): Promise<Access> {
  const people = await savePeople(config, store, now);
  const local = people.get('local') as Person;
  const localHash = hashOf(localToken(config.dataDir));
  return {
    local: async () => local,
    async callerOfToken(token, source) {
      if (hashOf(token) === localHash) return callerFor(local, 'local', source, allScopes);
      return callerOfStoredToken(store, now(), token, source);
    },
    personOfSlack: async (team, user) => people.get(`slack:${team}/${user}`),
    createToken: (person, name, scopes) => createToken(store, now(), person, name, scopes),
    listTokens: () => listTokens(store),
    revokeToken: (idOrName) => revokeToken(store, now(), idOrName),
  };
}

function callerFor(person: Person, identity: string, source: Caller['source'], scopes: readonly Scope[]): Caller {
  return { person, identity, source, scopes, agent: source === 'mcp' };
}

/** Brings the config's people into the store; without a `local` one, who sits at this machine is its admin. */
async function savePeople(config: Config, store: Store, now: () => Date): Promise<Map<string, Person>> {
  const listed = [...config.people];
  if (!listed.some((person) => person.identities.includes('local'))) {
    const taken = new Set(listed.map((person) => person.name));
    const account = userInfo().username;
    listed.push({ name: taken.has(account) ? `${account} (local)` : account, role: 'admin', identities: ['local'] });
  }
  const people = new Map<string, Person>();
  for (const entry of listed) {
    const person = await savePerson(store, entry.name, entry.role, now().toISOString());
    for (const identity of entry.identities) people.set(identity, person);
  }
  return people;
}

async function savePerson(store: Store, name: string, role: Role, at: string): Promise<Person> {
  const { id } = await store.db
    .insertInto('persons')
    .values({ id: newId('per'), name, role, created_at: at })
    .onConflict((on) => on.column('name').doUpdateSet({ role }))
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, name, role };
}

/** The token of this machine's account: made once, readable by that account alone. */
function localToken(dataDir: string): string {
  const path = join(dataDir, 'local-token');
  try {
    writeFileSync(path, `eco_local_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
  return readFileSync(path, 'utf8').trim();
}

/** Tokens are 256 random bits, so a fast hash is as good as a slow one. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

async function callerOfStoredToken(
  store: Store,
  now: Date,
  token: string,
  source: Caller['source'],
): Promise<Caller | undefined> {
  const found = await store.db
    .selectFrom('tokens')
    .innerJoin('persons', 'persons.id', 'tokens.person_id')
    .select([
      'tokens.id',
      'tokens.scopes',
      'tokens.last_used_at',
      'persons.id as person_id',
      'persons.name',
      'persons.role',
    ])
    .where('tokens.hash', '=', hashOf(token))
    .where('tokens.revoked_at', 'is', null)
    .executeTakeFirst();
  if (!found) return undefined;
  if (found.last_used_at === null || now.getTime() - Date.parse(found.last_used_at) > lastUseMs) {
    await store.db.updateTable('tokens').set({ last_used_at: now.toISOString() }).where('id', '=', found.id).execute();
  }
  const person: Person = { id: found.person_id, name: found.name, role: found.role as Role };
  return callerFor(person, `token:${found.id}`, source, JSON.parse(found.scopes) as Scope[]);
}

async function createToken(store: Store, now: Date, person: Person, name: string, scopes: readonly Scope[]) {
  const live = await store.db
    .selectFrom('tokens')
    .select('id')
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (live) {
    throw conflict('token_exists', `A token named "${name}" exists already.`, {
      nextStep: 'Choose another name, or revoke that one first.',
      field: 'name',
    });
  }
  const token = `eco_${randomBytes(32).toString('base64url')}`;
  const summary: TokenSummary = {
    id: newId('tok'),
    name,
    person: person.name,
    scopes: [...scopes],
    created_at: now.toISOString(),
  };
  await store.db
    .insertInto('tokens')
    .values({
      id: summary.id,
      person_id: person.id,
      name,
      hash: hashOf(token),
      scopes: JSON.stringify(summary.scopes),
      created_at: summary.created_at,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  return { token, summary };
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
      'tokens.created_at',
      'tokens.last_used_at',
    ])
    .where('tokens.revoked_at', 'is', null);
}

type TokenRow = Awaited<ReturnType<ReturnType<typeof liveTokens>['execute']>>[number];

function toSummary({ last_used_at: lastUsedAt, scopes, ...row }: TokenRow): TokenSummary {
  return {
    ...row,
    scopes: JSON.parse(scopes) as Scope[],
    ...(lastUsedAt === null ? {} : { last_used_at: lastUsedAt }),
  };
}

async function listTokens(store: Store): Promise<TokenSummary[]> {
  return (await liveTokens(store).orderBy('tokens.created_at').execute()).map(toSummary);
}

async function revokeToken(store: Store, now: Date, idOrName: string): Promise<TokenSummary> {
  const found = await liveTokens(store)
    .where((is) => is.or([is('tokens.id', '=', idOrName), is('tokens.name', '=', idOrName)]))
    .executeTakeFirst();
  if (!found) {
    throw notFound('token_not_found', `There is no token "${idOrName}".`, {
      nextStep: 'List the tokens with: ecolink token list',
    });
  }
  await store.db.updateTable('tokens').set({ revoked_at: now.toISOString() }).where('id', '=', found.id).execute();
  return toSummary(found);
}
