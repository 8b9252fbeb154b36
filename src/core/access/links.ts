import { createHash, randomBytes } from 'node:crypto';
import { EcolinkError, notFound } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { scopes } from './caller.ts';
import type { Caller } from './caller.ts';

/** What a page is for, and how somebody gets another one. */
export interface LinkKind {
  kind: 'credential' | 'token';
  again: string;
}

/** A page that does one thing for one person, once: its id is the only thing in the address, and nothing can be read with it. */
export interface Link {
  about: unknown;
  person: { id: string; name: string };
  mayDecide: boolean;
  /** False where the page has to ask for the person's EcoLink token, since anybody may hold the link. */
  needsToken: boolean;
}

export interface Links {
  /** `handedTo` is true where a private message brings it to that person alone. Answers with the id, shown this once. */
  make(about: object, caller: Caller, handedTo: boolean): Promise<{ id: string; expiresAt: string }>;
  /** Throws `link_not_found` for one that is unknown, used or over. */
  find(id: string): Promise<Link>;
  /** Does the work once, as its person; where the work throws, the link stays as it was. */
  use<T>(id: string, ecolinkToken: string | undefined, work: (caller: Caller, link: Link) => Promise<T>): Promise<T>;
}

interface Parts {
  access: Access;
  store: Store;
  now: () => Date;
}

interface Found extends Link {
  identity: string;
}

const minutes = 10;

export function createLinks(parts: Parts, { kind, again }: LinkKind): Links {
  const gone = (): Error =>
    notFound('link_not_found', `This link is unknown, was used, or is older than ${minutes} minutes.`, {
      nextStep: `Ask for another one: ${again}.`,
    });
  const find = async (id: string): Promise<Found> => {
    const row = await parts.store.db
      .selectFrom('page_links')
      .selectAll()
      .where('hash', '=', hashOf(id))
      .where('kind', '=', kind)
      .where('used_at', 'is', null)
      .where('expires_at', '>', parts.now().toISOString())
      .executeTakeFirst();
    const person = row && (await parts.access.current(row.person_id));
    if (!person) throw gone();
    const [mayDecide, needsToken] = [row.may_decide === 1, row.private === 0];
    return { about: JSON.parse(row.about), person, identity: row.identity, mayDecide, needsToken };
  };
  return {
    async make(about, caller, handedTo) {
      const id = randomBytes(32).toString('base64url');
      const expiresAt = new Date(parts.now().getTime() + minutes * 60_000).toISOString();
      await forgetOver(parts);
      await parts.store.db
        .insertInto('page_links')
        .values({
          hash: hashOf(id),
          kind,
          about: JSON.stringify(about),
          person_id: caller.person.id,
          identity: caller.identity,
          may_decide: caller.mayDecide && !caller.agent ? 1 : 0,
          private: handedTo ? 1 : 0,
          expires_at: expiresAt,
          used_at: null,
        })
        .execute();
      return { id, expiresAt };
    },
    find,
    async use(id, ecolinkToken, work) {
      const link = await find(id);
      const caller = await callerOf(parts.access, link, ecolinkToken, gone);
      if (!(await mark(parts, id, parts.now().toISOString()))) throw gone();
      try {
        return await work(caller, link);
      } catch (thrown) {
        await mark(parts, id, null);
        throw thrown;
      }
    },
  };
}

async function forgetOver({ store, now }: Parts): Promise<void> {
  await store.db.deleteFrom('page_links').where('expires_at', '<', now().toISOString()).execute();
}

/** One statement: of two forms that are sent at once, one does its work. */
async function mark({ store }: Parts, id: string, usedAt: string | null): Promise<boolean> {
  const marked = await store.db
    .updateTable('page_links')
    .set({ used_at: usedAt })
    .where('hash', '=', hashOf(id))
    .where('used_at', usedAt === null ? 'is not' : 'is', null)
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}

/** The person as they are now: a link may be older than the loss of a role. */
async function callerOf(access: Access, link: Found, token: string | undefined, gone: () => Error): Promise<Caller> {
  const { identity, mayDecide } = link;
  const person = await access.current(link.person.id);
  if (!person) throw gone();
  if (!link.needsToken) return { person, identity, agent: false, mayDecide, source: 'http', scopes };
  const caller = token === undefined ? undefined : await access.callerOfToken(token, 'http');
  if (caller?.person.id === person.id && !caller.agent && caller.scopes.includes('operate')) return caller;
  throw new EcolinkError('unauthenticated', 'invalid_token', `That is not an EcoLink token of ${person.name}.`, {
    nextStep:
      'Type a token of yours with the scope "operate", not an assistant’s: ecolink token create <name> --scope operate',
    field: 'ecolink_token',
  });
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
