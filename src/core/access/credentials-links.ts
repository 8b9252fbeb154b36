import { createHash, randomBytes } from 'node:crypto';
import { EcolinkError, notFound } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Caller } from './caller.ts';
import { checkCredentialName } from './credentials-manage.ts';
import type { AddedCredential, CredentialDesk } from './credentials-manage.ts';

/** A page where one token is typed: its id is the only thing in the address, and nothing can be read with it. */
export interface CredentialLink {
  name: string;
  shared: boolean;
  person: { id: string; name: string };
  /** False where the page has to ask for the person's EcoLink token, since anybody may hold the link. */
  needsToken: boolean;
}

export interface CredentialLinks {
  /** `handedTo` is true where a private message brings it to that person alone. Answers with the id, shown this once. */
  make(
    input: { name: string; shared?: boolean | undefined },
    caller: Caller,
    handedTo: boolean,
  ): Promise<{ id: string; expiresAt: string }>;
  /** Throws `link_not_found` for one that is unknown, used or over. */
  find(id: string): Promise<CredentialLink>;
  /** Stores the value, once. A value that the Hub refuses leaves the link as it was. */
  use(id: string, value: string, ecolinkToken: string | undefined): Promise<AddedCredential>;
}

interface Parts {
  access: Access;
  desk: CredentialDesk;
  store: Store;
  now: () => Date;
}

const minutes = 10;

export function createCredentialLinks(parts: Parts): CredentialLinks {
  const { store, desk, now } = parts;
  return {
    async make({ name, shared }, caller, handedTo) {
      await desk.mayAdd(caller);
      checkCredentialName(name);
      const id = randomBytes(32).toString('base64url');
      const expiresAt = new Date(now().getTime() + minutes * 60_000).toISOString();
      await store.db
        .insertInto('credential_links')
        .values({
          hash: hashOf(id),
          person_id: caller.person.id,
          name,
          shared: shared === true ? 1 : 0,
          private: handedTo ? 1 : 0,
          expires_at: expiresAt,
          used_at: null,
        })
        .execute();
      return { id, expiresAt };
    },
    find: (id) => find(parts, id),
    async use(id, value, ecolinkToken) {
      const link = await find(parts, id);
      const caller = await callerOf(parts, link, ecolinkToken);
      if (!(await mark(parts, id, now().toISOString()))) throw gone();
      try {
        return await desk.add({ name: link.name, value, ...(link.shared ? { shared: true } : {}) }, caller);
      } catch (thrown) {
        await mark(parts, id, null);
        throw thrown;
      }
    },
  };
}

async function find({ store, access, now }: Parts, id: string): Promise<CredentialLink> {
  const row = await store.db
    .selectFrom('credential_links')
    .selectAll()
    .where('hash', '=', hashOf(id))
    .where('used_at', 'is', null)
    .where('expires_at', '>', now().toISOString())
    .executeTakeFirst();
  const person = row && (await access.current(row.person_id));
  if (!person) throw gone();
  return { name: row.name, shared: row.shared === 1, person, needsToken: row.private === 0 };
}

/** One statement: of two forms that are sent at once, one stores its value. */
async function mark({ store }: Parts, id: string, usedAt: string | null): Promise<boolean> {
  const marked = await store.db
    .updateTable('credential_links')
    .set({ used_at: usedAt })
    .where('hash', '=', hashOf(id))
    .where('used_at', usedAt === null ? 'is not' : 'is', null)
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}

async function callerOf({ access }: Parts, link: CredentialLink, token: string | undefined): Promise<Caller> {
  const person = await access.current(link.person.id);
  if (!person) throw gone();
  if (!link.needsToken)
    return { person, identity: 'link', agent: false, mayDecide: false, source: 'http', scopes: ['operate'] };
  const caller = token === undefined ? undefined : await access.callerOfToken(token, 'http');
  if (caller?.person.id === person.id && !caller.agent && caller.scopes.includes('operate')) return caller;
  throw new EcolinkError('unauthenticated', 'token_refused', `That is not an EcoLink token of ${person.name}.`, {
    nextStep:
      'Type a token of yours with the scope "operate", not an assistant’s: ecolink token create <name> --scope operate',
  });
}

function gone(): Error {
  return notFound('link_not_found', 'This link is unknown, was used, or is older than 10 minutes.', {
    nextStep: 'Ask for another one: /ecolink credential add <name> in Slack, or ecolink credential add <name>.',
  });
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
