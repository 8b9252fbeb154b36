import type { AuditLog } from '../../audit/audit.ts';
import { EcolinkError, fail } from '../../base/errors.ts';
import type { Hub } from '../../hub/hub.ts';
import { randomId } from '../../base/ids.ts';
import { looksLikeToken } from '../../base/secret-shapes.ts';
import { rotate } from '../../secrets/rotate.ts';
import type { Rotated } from '../../secrets/rotate.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import { allCredentials, findUsable, insertCredential, markCredential, replaceCredential } from './table.ts';
import type { Queries, Store } from '../../store/store.ts';
import type { Access } from '../access.ts';
import { atLeast } from '../../base/caller.ts';
import type { Caller } from '../../base/caller.ts';
import { environmentName, fingerprintOf, openValue, refusedReason } from './credentials.ts';
import { auditedAs } from '../audited-as.ts';

export interface NewCredential {
  name: string;
  value: string;
  /** The team may use it by its name. Absent: as it was, or not. */
  shared?: boolean | undefined;
}

export interface AddedCredential {
  credential: string;
  state: 'added' | 'replaced';
  /** Whose the token is on the Hub. */
  account: string;
  fingerprint: string;
  shared: boolean;
  next_step: string;
}

/** What people do with credentials besides the operations, none of which may carry a value. */
export interface CredentialManager {
  /** Throws `person_needed`, `role_missing`, `bad_name`, `bad_value`, `credential_shared_already`, and what the Hub says. */
  add(input: NewCredential, caller: Caller): Promise<AddedCredential>;
  /** Throws where this caller could not add one, whatever its name. */
  mayAdd(caller: Caller): Promise<void>;
  /** Asks the Hub about each, and marks those that stopped working. */
  check(): Promise<void>;
  /** Throws `person_needed`, `role_missing`, `one_key`. */
  rotateKey(caller: Caller): Promise<Rotated>;
}

export interface ManagerDeps {
  access: Access;
  audit: AuditLog;
  store: Store;
  ring: KeyRing;
  hub: Hub;
  now: () => Date;
}

export function createCredentialManager(parts: ManagerDeps): CredentialManager {
  return {
    async add(input, caller) {
      await needPerson(parts.access, caller, 'member');
      checkCredentialName(input.name);
      checkValue(input.value);
      const { name, shared } = input;
      return auditedAs(parts, caller, 'add_credential', { credential: name, shared }, () => add(parts, input, caller));
    },
    mayAdd: (caller) => needPerson(parts.access, caller, 'member'),
    check: () => check(parts),
    async rotateKey(caller) {
      await needPerson(parts.access, caller, 'admin');
      return auditedAs(parts, caller, 'rotate_key', {}, () => rotate(parts));
    },
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,46}[a-z0-9])?$/;

export function checkCredentialName(name: string): void {
  if (looksLikeToken(name)) {
    throw fail('token_in_input', 'That is the value of a token, where its name belongs.', {
      nextStep:
        'Revoke that token on the Hub, since it has been seen; make a new one and type it where it is asked for.',
      field: 'name',
    });
  }
  if (namePattern.test(name) && name !== environmentName) return;
  throw fail(
    'bad_name',
    name === environmentName
      ? 'The name "env" is that of HF_TOKEN.'
      : 'A credential’s name has 1 to 48 lower-case letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
    { nextStep: 'Choose another name, such as "hub-main".', field: 'name' },
  );
}

function checkValue(value: string): void {
  if (/^[\x21-\x7e]{8,500}$/.test(value)) return;
  throw fail('bad_value', 'That is no access token: it has 8 to 500 characters and no space.', {
    nextStep: 'Copy the token from the settings of your account on the Hub; it begins with "hf_".',
    field: 'value',
  });
}

/** As they are now: a link or a token may be older than the loss of a role. */
async function needPerson(access: Access, caller: Caller, role: 'member' | 'admin'): Promise<void> {
  if (caller.agent) {
    throw fail('person_needed', 'An assistant cannot manage credentials.', {
      nextStep: 'Do it yourself: "ecolink credential add <name>" asks for the token.',
    });
  }
  const person = await access.current(caller.person.id);
  if (person && atLeast(person.role, role)) return;
  throw fail('role_missing', `This needs the role "${role}"; ${caller.person.name} has "${person?.role ?? 'none'}".`, {
    nextStep: 'Ask an admin for the role.',
  });
}

async function add(parts: ManagerDeps, input: NewCredential, caller: Caller): Promise<AddedCredential> {
  const { store, ring, hub, now } = parts;
  const { name, value } = input;
  const account = await hub.account({ name, token: value });
  const made = await ring.prepare();
  const fingerprint = fingerprintOf(value);
  const owner = caller.person.id;
  return store.transaction(async (transaction) => {
    const found = await findUsable(transaction, name, owner);
    const before = found?.owner === owner ? found : undefined;
    const shared = input.shared ?? before?.shared ?? false;
    if (shared) await refuseSharedName(transaction, name, owner);
    const id = before?.id ?? randomId('crd');
    const sealed = await ring.seal(transaction, { table: 'credentials', id, owner }, value);
    const stored = { ...sealed, fingerprint, account, sharedName: shared ? name : null };
    if (before) await replaceCredential(transaction, id, stored);
    else await insertCredential(transaction, { id, owner, name, createdAt: now().toISOString(), ...stored });
    const state = before ? 'replaced' : 'added';
    return { credential: name, state, account, fingerprint, shared, next_step: nextStep(name, made, ring) };
  });
}

function nextStep(name: string, made: boolean, ring: KeyRing): string {
  const use = `Name it where a repo is gated: register_model with credential "${name}".`;
  return made ? `Back up ${ring.source.file}: without it nobody can open what is stored. ${use}` : use;
}

async function refuseSharedName(db: Queries, name: string, owner: string): Promise<void> {
  const taken = await db
    .selectFrom('credentials')
    .select('id')
    .where('shared_name', '=', name)
    .where('owner_id', '!=', owner)
    .executeTakeFirst();
  if (!taken) return;
  throw fail('credential_shared_already', `The team has a shared credential named "${name}" already.`, {
    nextStep: 'Choose another name, or do not share it.',
    field: 'name',
  });
}

async function check({ store, ring, hub }: ManagerDeps): Promise<void> {
  for (const row of await allCredentials(store.db)) {
    const verdict = await hub.account({ name: row.name, token: openValue(ring, row) }).then(
      () => ({ state: 'ok' as const, reason: null }),
      (thrown: unknown) =>
        thrown instanceof EcolinkError && thrown.code === 'token_refused'
          ? { state: 'failing' as const, reason: refusedReason }
          : undefined,
    );
    // A Hub that cannot be asked says nothing about the token.
    if (verdict && verdict.state !== row.state) await markCredential(store.db, row, verdict);
  }
}
