import { createHash, randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { AuditLog } from '../../audit/audit.ts';
import { fail } from '../../base/errors.ts';
import type { EcolinkError } from '../../base/errors.ts';
import type { Database } from '../../store/schema.ts';
import { giveRole, personWithIdentity } from './table.ts';
import type { Store } from '../../store/store.ts';
import type { Caller, Person } from '../../base/caller.ts';
import { auditedAs } from '../audited-as.ts';
import { nameInSlack } from './people.ts';
import type { People } from './people.ts';

/** How the first admin in Slack comes to be: whoever reads the server's terminal knows the code. */
export interface Claims {
  /** A fresh code, shown this once; undefined while there is an admin with a Slack identity. Good for 15 minutes, once. */
  offer(): Promise<string | undefined>;
  /** Makes that person admin. Throws `claim_refused`, and `claim_overruled` where the config gives them another role. */
  claim(code: string, who: SlackAccount): Promise<Person>;
}

export interface SlackAccount {
  /** The organisation on Enterprise Grid, else the workspace. */
  team: string;
  user: string;
  /** As Slack shows it; the person is called that and their ids. */
  name: string;
}

export interface ClaimDeps {
  people: People;
  store: Store;
  audit: AuditLog;
  now: () => Date;
}

const codeMinutes = 15;
/** Without i, l, o and u, as Crockford has it. Its 32 signs take 5 bits of a byte each, evenly. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

export function createClaims(deps: ClaimDeps): Claims {
  return {
    async offer() {
      if (await hasSlackAdmin(deps.people)) return undefined;
      const code = newCode();
      const at = deps.now().getTime();
      await deps.store.db.deleteFrom('claim_codes').where('expires_at', '<', new Date(at).toISOString()).execute();
      await deps.store.db
        .insertInto('claim_codes')
        .values({ hash: hashOf(code), expires_at: new Date(at + codeMinutes * 60_000).toISOString(), used_at: null })
        .execute();
      return code;
    },
    // Every try has its two rows, the wrong ones too: without what was typed, which may be nearly right.
    claim: (code, who) => auditedAs(deps, slackStranger(who), 'claim', {}, () => claim(deps, code, who)),
  };
}

async function claim({ people, store, now }: ClaimDeps, code: string, who: SlackAccount): Promise<Person> {
  if (await hasSlackAdmin(people)) {
    throw claimRefused('There is an admin in Slack already.', 'Ask them for the role that you need.');
  }
  const identity = `slack:${who.team}/${who.user}`;
  if (await people.isShutOut([identity])) {
    throw claimRefused('Guests and bots cannot be admins.', 'Let a full member of the workspace type the code.');
  }
  const known = await people.personOfSlack(who.team, who.user);
  if (known && (await people.isListed(known.id))) {
    throw fail('claim_overruled', `ecolink.yaml gives ${known.name} the role "${known.role}", and it wins.`, {
      nextStep: 'Change the role there: the file is read again by itself.',
    });
  }
  const id = await store.transaction(async (transaction) => {
    await useCode(transaction, code, now());
    const person = await personWithIdentity(transaction, identity, nameInSlack(identity, who.name), now());
    await giveRole(transaction, person, { role: 'admin', givenBy: 'claim', givenAt: now().toISOString() });
    return person;
  });
  const person = await people.current(id);
  if (!person) throw new Error('Who has just been made admin has no role.');
  return person;
}

async function hasSlackAdmin(people: People): Promise<boolean> {
  const admins = await people.membersOf({ roles: ['admin'] });
  const identities = await Promise.all(admins.map(({ id }) => people.identitiesOf(id)));
  return identities.flat().some((identity) => identity.startsWith('slack:'));
}

/** All codes end with the first that is used. One statement, so that of two who send codes at once one gets it; a wrong code's is taken back. */
async function useCode(db: Transaction<Database>, code: string, now: Date): Promise<void> {
  const at = now.toISOString();
  const open = db.updateTable('claim_codes').set({ used_at: at }).where('used_at', 'is', null);
  const ended = await open.returning(['hash', 'expires_at']).execute();
  if (ended.some(({ hash, expires_at: until }) => hash === hashOf(code) && until > at)) return;
  throw claimRefused(
    `This code is wrong, was used, or is older than ${codeMinutes} minutes.`,
    'Whoever runs the server starts it again: it prints a new code.',
  );
}

/** Somebody in Slack who need not be anybody here, as the audit names them. */
export function slackStranger({ team, user, name }: SlackAccount): Caller {
  const identity = `slack:${team}/${user}`;
  const person = { id: identity, name: nameInSlack(identity, name), role: 'viewer' as const };
  return { person, identity, agent: false, mayDecide: false, source: 'slack', scopes: [] };
}

function claimRefused(message: string, nextStep: string): EcolinkError {
  return fail('claim_refused', message, { nextStep });
}

/** `abcd-efgh-jkmn`: 60 random bits. */
function newCode(): string {
  const signs = [...randomBytes(12)].map((byte) => alphabet[byte % 32]).join('');
  return (signs.match(/.{4}/g) ?? []).join('-');
}

function hashOf(code: string): string {
  return createHash('sha256').update(code.trim().toLowerCase().replaceAll('-', '')).digest('hex');
}
