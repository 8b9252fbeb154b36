import { createHash, randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { scopes } from '../base/caller.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { parseJson } from '../base/parse-json.ts';
import { say, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';

/** One kind of page. */
export interface LinkKind<Subject> {
  kind: 'credential' | 'token';
  /** What the link stores for its page. */
  subject: z.ZodType<Subject>;
  /** How to get another link. */
  nextStep: Prose;
}

/** A page that does one thing for one person, once. Its address holds an id and no data. */
export interface Link<Subject> {
  subject: Subject;
  person: { id: string; name: string };
  mayDecide: boolean;
  /** True if other people may have seen the link. Then the page asks for the person's EcoLink token. */
  needsToken: boolean;
}

export interface Links<Subject> {
  /** `isPrivate`: a private message brings it to the caller only. The id cannot be read again. */
  make(subject: Subject, caller: Caller, isPrivate: boolean): Promise<{ id: string; expiresAt: string }>;
  /** Throws `link_not_found` if the link is unknown, used or expired. */
  find(id: string): Promise<Link<Subject>>;
  /** Does the work once, as the person of the link. If the work throws, the link stays valid. Throws `link_not_found`, `invalid_token`. */
  use<T>(
    id: string,
    ecolinkToken: string | undefined,
    work: (caller: Caller, link: Link<Subject>) => Promise<T>,
  ): Promise<T>;
}

export interface LinkDeps {
  access: Access;
  store: Store;
  now: () => Date;
}

interface StoredLink<Subject> extends Link<Subject> {
  identity: string;
}

const minutes = 10;

export function createLinks<Subject>(
  deps: LinkDeps,
  { kind, subject: schema, nextStep }: LinkKind<Subject>,
): Links<Subject> {
  const notFound = (): Error =>
    fail('link_not_found', `This link is unknown, was used, or is older than ${minutes} minutes.`, { nextStep });
  const find = async (id: string): Promise<StoredLink<Subject>> => {
    const row = await findRow(deps, kind, id);
    const person = row && (await deps.access.current(row.person_id));
    const subject = row && schema.safeParse(parseJson(row.about));
    if (!person || !subject?.success) throw notFound();
    const [mayDecide, needsToken] = [row.may_decide === 1, row.private === 0];
    return { subject: subject.data, person, identity: row.identity, mayDecide, needsToken };
  };
  return {
    async make(subject, caller, isPrivate) {
      const id = randomBytes(32).toString('base64url');
      const expiresAt = new Date(deps.now().getTime() + minutes * 60_000).toISOString();
      await deleteExpired(deps);
      await deps.store.db
        .insertInto('page_links')
        .values({
          hash: hashOf(id),
          kind,
          about: JSON.stringify(subject),
          person_id: caller.person.id,
          identity: caller.identity,
          may_decide: caller.mayDecide && !caller.agent ? 1 : 0,
          private: isPrivate ? 1 : 0,
          expires_at: expiresAt,
          used_at: null,
        })
        .execute();
      return { id, expiresAt };
    },
    find,
    async use(id, ecolinkToken, work) {
      const link = await find(id);
      const caller = await callerOf(deps.access, link, ecolinkToken, notFound);
      if (!(await mark(deps, id, deps.now().toISOString()))) throw notFound();
      try {
        return await work(caller, link);
      } catch (thrown) {
        await mark(deps, id, null);
        throw thrown;
      }
    },
  };
}

function findRow({ store, now }: LinkDeps, kind: LinkKind<unknown>['kind'], id: string) {
  return store.db
    .selectFrom('page_links')
    .selectAll()
    .where('hash', '=', hashOf(id))
    .where('kind', '=', kind)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now().toISOString())
    .executeTakeFirst();
}

async function deleteExpired({ store, now }: LinkDeps): Promise<void> {
  await store.db.deleteFrom('page_links').where('expires_at', '<', now().toISOString()).execute();
}

/** It is one statement: if two forms are sent at once, one of them succeeds. */
async function mark({ store }: LinkDeps, id: string, usedAt: string | null): Promise<boolean> {
  const marked = await store.db
    .updateTable('page_links')
    .set({ used_at: usedAt })
    .where('hash', '=', hashOf(id))
    .where('used_at', usedAt === null ? 'is not' : 'is', null)
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}

/** The person with their present role, which they may have lost since the link was made. */
async function callerOf(
  access: Access,
  link: StoredLink<unknown>,
  token: string | undefined,
  notFound: () => Error,
): Promise<Caller> {
  const { identity, mayDecide } = link;
  const person = await access.current(link.person.id);
  if (!person) throw notFound();
  if (!link.needsToken) return { person, identity, agent: false, mayDecide, source: 'http', scopes };
  const caller = token === undefined ? undefined : await access.callerOfToken(token, 'http');
  if (caller?.person.id === person.id && !caller.agent && caller.scopes.includes('operate')) return caller;
  throw fail('invalid_token', `That is not an EcoLink token of ${person.name}.`, {
    nextStep: say`Type your own token, not that of an assistant. To get one: ${task('create_operate_token')}.`,
    field: 'ecolink_token',
  });
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
