import { createHash, randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { timestamp } from '../../base/clock.ts';
import type { Caller, Person } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import type { EcolinkError } from '../../base/errors.ts';
import type { Database } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import { auditedAs } from '../audited-as.ts';
import type { AuditedDeps } from '../audited-as.ts';
import { nameInSlack } from './people.ts';
import type { People } from './people.ts';
import { giveRole, personWithIdentity } from './table.ts';

/** How somebody in Slack becomes the first admin: the server prints a code on its terminal, and they type it. */
export interface Claims {
  /** A new code, valid for 15 minutes and one use. It cannot be read again. Undefined if an admin has a Slack identity. */
  offer(): Promise<string | undefined>;
  /** Makes that person an admin. Throws `claim_refused`, or `claim_overruled` if the config gives them another role. */
  claim(code: string, who: SlackAccount): Promise<Person>;
}

export interface SlackAccount {
  /** The organisation on Enterprise Grid, else the workspace. */
  team: string;
  user: string;
  /** As Slack shows it. The name of the person has the ids too. */
  name: string;
}

export interface ClaimDeps extends AuditedDeps {
  people: People;
  store: Store;
}

const codeMinutes = 15;
/** Crockford's base 32, without i, l, o and u. A random byte gives each of its 32 characters equally often. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

export function createClaims(deps: ClaimDeps): Claims {
  return {
    async offer() {
      if (await hasSlackAdmin(deps.people)) return undefined;
      const code = newCode();
      const expiresAt = timestamp(deps.clock, codeMinutes * 60_000);
      await deps.store.db.deleteFrom('claim_codes').where('expires_at', '<', timestamp(deps.clock)).execute();
      await deps.store.db
        .insertInto('claim_codes')
        .values({ hash: hashOf(code), expires_at: expiresAt, used_at: null })
        .execute();
      return code;
    },
    // The audit has every attempt, without what was typed: a wrong code may be almost right.
    claim: (code, who) => auditedAs(deps, slackStranger(who), 'claim', {}, () => claim(deps, code, who)),
  };
}

async function claim(deps: ClaimDeps, code: string, who: SlackAccount): Promise<Person> {
  const { people } = deps;
  if (await hasSlackAdmin(people)) {
    throw claimRefused('There is an admin in Slack already.', 'Ask them for the role that you need.');
  }
  const identity = `slack:${who.team}/${who.user}`;
  if (await people.isShutOut([identity])) {
    throw claimRefused('Guests and bots cannot be admins.', 'Let a full member of the workspace type the code.');
  }
  const known = await people.personOfSlack(who.team, who.user);
  if (known && (await people.isListed(known.id))) {
    throw fail('claim_overruled', `ecolink.yaml gives ${known.name} the role "${known.role}", and the file wins.`, {
      nextStep: 'Change the role in ecolink.yaml. The server reads the file again by itself.',
    });
  }
  const person = await people.current(await makeAdmin(deps, code, identity, nameInSlack(identity, who.name)));
  if (!person) throw new Error('The new admin has no role.');
  return person;
}

/** Uses the code up and gives the role in one transaction. Returns the id of the person. */
async function makeAdmin({ store, clock, newId }: ClaimDeps, code: string, identity: string, name: string) {
  return store.transaction(async (transaction) => {
    const at = clock.now();
    await useCode(transaction, code, at);
    const id = await personWithIdentity(transaction, identity, name, { at, newId });
    await giveRole(transaction, id, { role: 'admin', givenBy: 'claim', givenAt: at.toISOString() });
    return id;
  });
}

async function hasSlackAdmin(people: People): Promise<boolean> {
  const admins = await people.membersOf({ roles: ['admin'] });
  const identities = await Promise.all(admins.map(({ id }) => people.identitiesOf(id)));
  return identities.flat().some((identity) => identity.startsWith('slack:'));
}

/** The first code that is used ends all codes. It is one statement: if two people send codes at once, one succeeds. A wrong code rolls it back. */
async function useCode(db: Transaction<Database>, code: string, now: Date): Promise<void> {
  const at = now.toISOString();
  const open = db.updateTable('claim_codes').set({ used_at: at }).where('used_at', 'is', null);
  const ended = await open.returning(['hash', 'expires_at']).execute();
  if (ended.some((row) => row.hash === hashOf(code) && row.expires_at > at)) return;
  throw claimRefused(
    `This code is wrong, was used, or is older than ${codeMinutes} minutes.`,
    'Ask the person who runs the server to start it again: it prints a new code.',
  );
}

/** A Slack account as the audit names it. It may belong to nobody that EcoLink knows. */
export function slackStranger({ team, user, name }: SlackAccount): Caller {
  const identity = `slack:${team}/${user}`;
  return {
    person: { id: identity, name: nameInSlack(identity, name), role: 'viewer' },
    identity,
    agent: false,
    mayDecide: false,
    source: 'slack',
    scopes: [],
  };
}

function claimRefused(message: string, nextStep: string): EcolinkError {
  return fail('claim_refused', message, { nextStep });
}

/** `abcd-efgh-jkmn`: 60 random bits. */
function newCode(): string {
  const characters = [...randomBytes(12)].map((byte) => alphabet[byte % 32]).join('');
  return (characters.match(/.{4}/g) ?? []).join('-');
}

function hashOf(code: string): string {
  return createHash('sha256').update(code.trim().toLowerCase().replaceAll('-', '')).digest('hex');
}
