import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { scopes as allScopes } from '../../base/caller.ts';
import type { Person, Scope } from '../../base/caller.ts';
import { durationMs, durationSchema } from '../../base/duration.ts';
import { fail } from '../../base/errors.ts';
import type { NewId } from '../../base/ids.ts';
import type { Database } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { TokenKind, TokenSummary } from '../access.ts';
import { allows, tokenTasks } from '../rights.ts';
import { isOver, makerOf, parseScopes, tokenIdOf } from './table.ts';
import { hashOf } from './token-hash.ts';
import { say, task } from '../../base/prose.ts';

/** Durations: `90d`. */
export interface TokenLimits {
  default_expiry: string;
  maximum_expiry: string;
}

export interface CreateTokenDeps {
  store: Store;
  tokenLimits: () => TokenLimits;
  now: () => Date;
  newId: NewId;
}

/** The token that a new one is made with. */
interface Parent {
  id: string;
  scopes: Scope[];
  expiresAt: string | null;
}

/** Throws `bad_field`, `token_exists`, `scope_missing`, `invalid_token`. */
export async function createToken(
  deps: CreateTokenDeps,
  person: Person,
  name: string,
  scopes: readonly Scope[],
  kind: TokenKind = {},
): Promise<{ token: string; summary: TokenSummary }> {
  const { agent = false, mayDecide = false, madeBy = null } = kind;
  check(name, scopes, agent && mayDecide);
  const token = `eco_${randomBytes(32).toString('base64url')}`;
  return deps.store.transaction(async (transaction) => {
    const parent = madeBy === null ? undefined : await lockParent(transaction, madeBy, deps.now());
    if (parent) refuseMore(parent, scopes);
    const summary: TokenSummary = {
      id: deps.newId('tok'),
      name,
      person: person.name,
      scopes: [...new Set(scopes)],
      agent,
      may_decide: mayDecide,
      created_at: deps.now().toISOString(),
      expires_at: expiryOf(deps, kind.expiresIn, parent),
      made_by: makerOf(madeBy),
      made: [],
    };
    await freeName(transaction, person, name, summary.created_at);
    const row = { hash: hashOf(token), person_id: person.id, made_by: madeBy, parent_id: parent?.id ?? null };
    if (!(await insertToken(transaction, row, summary))) throw taken(name);
    return { token, summary };
  });
}

/**
 * Writes the row of the parent. So a call that revokes the parent at the same moment waits for this one and sees the new
 * token, or this one waits and finds the parent revoked.
 */
async function lockParent(
  transaction: Transaction<Database>,
  identity: string,
  now: Date,
): Promise<Parent | undefined> {
  const id = tokenIdOf(identity);
  if (id === undefined) return undefined;
  const found = await transaction
    .updateTable('tokens')
    .set({ revoked_at: null })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning(['id', 'scopes', 'expires_at'])
    .executeTakeFirst();
  if (found && !isOver(found.expires_at, now))
    return { id, scopes: parseScopes(found.scopes), expiresAt: found.expires_at };
  throw fail('invalid_token', 'The token that makes this one is revoked or has expired.', {
    nextStep: say`Make a new one another way: ${task('create_operate_token')}.`,
  });
}

function refuseMore(parent: Parent, scopes: readonly Scope[]): void {
  const missing = scopes.find((scope) => !allows(parent.scopes, scope));
  if (missing === undefined) return;
  throw fail('scope_missing', `A token cannot make one that may do more: its scopes are ${parent.scopes.join(', ')}.`, {
    nextStep: say`Use another token: ${task(tokenTasks[missing])}.`,
  });
}

function expiryOf(
  { tokenLimits, now }: CreateTokenDeps,
  wanted: string | undefined,
  parent: Parent | undefined,
): string {
  const limits = tokenLimits();
  if (wanted !== undefined && !durationSchema.safeParse(wanted).success) {
    throw badExpiry(`"${wanted.slice(0, 40)}" is no duration`, 'Give a number and m, h or d, such as 8h or 30d.');
  }
  const longest = durationMs(limits.maximum_expiry);
  const asked = durationMs(wanted ?? limits.default_expiry);
  if (wanted !== undefined && asked > longest) {
    throw badExpiry(`A token is valid for ${limits.maximum_expiry} at most`, `Give ${limits.maximum_expiry} or less.`);
  }
  const expiresAt = new Date(now().getTime() + Math.min(asked, longest)).toISOString();
  const latest = parent?.expiresAt ?? expiresAt;
  if (expiresAt <= latest) return expiresAt;
  if (wanted === undefined) return latest;
  throw badExpiry(
    `The token that makes it expires at ${latest}, and no token outlives its maker`,
    'Give less, or nothing.',
  );
}

function badExpiry(said: string, nextStep: string): Error {
  return fail('bad_field', `${said}.`, { nextStep, field: 'expires_in' });
}

/** An expired token does not keep its name. */
async function freeName(transaction: Transaction<Database>, person: Person, name: string, at: string): Promise<void> {
  await transaction
    .updateTable('tokens')
    .set({ revoked_at: at })
    .where('person_id', '=', person.id)
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .where('expires_at', '<=', at)
    .execute();
}

interface HiddenColumns {
  hash: string;
  person_id: string;
  made_by: string | null;
  parent_id: string | null;
}

/** Returns false if the person has a token of that name. */
async function insertToken(
  transaction: Transaction<Database>,
  hidden: HiddenColumns,
  summary: TokenSummary,
): Promise<boolean> {
  const made = await transaction
    .insertInto('tokens')
    .values({
      ...hidden,
      id: summary.id,
      name: summary.name,
      scopes: JSON.stringify(summary.scopes),
      agent: summary.agent ? 1 : 0,
      may_decide: summary.may_decide ? 1 : 0,
      created_at: summary.created_at,
      expires_at: summary.expires_at ?? null,
      last_used_at: null,
      revoked_at: null,
    })
    .onConflict((on) => on.columns(['person_id', 'name']).where('revoked_at', 'is', null).doNothing())
    .executeTakeFirst();
  return made.numInsertedOrUpdatedRows !== 0n;
}

function taken(name: string): Error {
  return fail('token_exists', `You have a token named "${name}" already.`, {
    nextStep: 'Choose another name, or revoke that one first.',
    field: 'name',
  });
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
