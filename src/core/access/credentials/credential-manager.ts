import { atLeast } from '../../base/caller.ts';
import type { Caller } from '../../base/caller.ts';
import { EcolinkError, fail } from '../../base/errors.ts';
import { run, say, sentences, task } from '../../base/prose.ts';
import type { Prose } from '../../base/prose.ts';
import { looksLikeToken } from '../../base/secret-shapes.ts';
import type { Hub } from '../../hub/hub.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import { rotate } from '../../secrets/rotate.ts';
import type { Rotated } from '../../secrets/rotate.ts';
import type { Queries, Store } from '../../store/store.ts';
import type { Access } from '../access.ts';
import { auditedAs } from '../audited-as.ts';
import type { AuditedDeps } from '../audited-as.ts';
import { environmentName, fingerprintOf, openValue, refusedReason } from './credentials.ts';
import { allCredentials, findUsable, insertCredential, markCredential, replaceCredential } from './table.ts';
import type { CredentialRow } from './table.ts';

export interface NewCredential {
  name: string;
  value: string;
  /** True if the team may use it by its name. Without it, a new one is not shared and an old one stays as it was. */
  shared?: boolean | undefined;
}

export interface AddedCredential {
  credential: string;
  state: 'added' | 'replaced';
  /** The owner of the token on the Hub. */
  account: string;
  fingerprint: string;
  shared: boolean;
  next_step: Prose;
}

/** What people do with credentials besides the operations, which never carry a value. */
export interface CredentialManager {
  /** Throws `person_needed`, `role_missing`, `bad_name`, `bad_value`, `credential_shared_already`, and the errors of the Hub. */
  add(input: NewCredential, caller: Caller): Promise<AddedCredential>;
  /** Throws `person_needed`, `role_missing`. */
  mayAdd(caller: Caller): Promise<void>;
  /** Asks the Hub about each stored token, and marks those that stopped working. */
  check(): Promise<void>;
  /** Throws `person_needed`, `role_missing`, `one_key`. */
  rotateKey(caller: Caller): Promise<Rotated>;
}

export interface CredentialManagerDeps extends AuditedDeps {
  access: Access;
  store: Store;
  ring: KeyRing;
  hub: Hub;
}

export function createCredentialManager(deps: CredentialManagerDeps): CredentialManager {
  const { access, store, ring, clock } = deps;
  return {
    async add(input, caller) {
      await needPerson(access, caller, 'member');
      checkCredentialName(input.name);
      checkValue(input.value);
      const { name, shared } = input;
      return auditedAs(deps, caller, 'add_credential', { credential: name, shared }, () => add(deps, input, caller));
    },
    mayAdd: (caller) => needPerson(access, caller, 'member'),
    check: () => check(deps),
    async rotateKey(caller) {
      await needPerson(access, caller, 'admin');
      return auditedAs(deps, caller, 'rotate_key', {}, () => rotate({ store, ring, now: () => clock.now() }));
    },
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,46}[a-z0-9])?$/;

export function checkCredentialName(name: string): void {
  if (looksLikeToken(name)) {
    throw fail('token_in_input', 'This is the value of a token, not a name.', {
      nextStep:
        'Other people may have seen it: revoke that token on the Hub. Make a new one, and type it only when you are asked for it.',
      field: 'name',
    });
  }
  if (name === environmentName)
    throw fail('bad_name', 'The name "env" belongs to HF_TOKEN.', {
      nextStep: 'Choose another name, such as "hub-main".',
      field: 'name',
    });
  if (namePattern.test(name)) return;
  throw fail(
    'bad_name',
    'The name of a credential has 1 to 48 lower-case letters, digits, ".", "_" and "-". It begins and ends with a letter or digit.',
    { nextStep: 'Choose another name, such as "hub-main".', field: 'name' },
  );
}

function checkValue(value: string): void {
  if (/^[\x21-\x7e]{8,500}$/.test(value)) return;
  throw fail('bad_value', 'This is not an access token: it must have 8 to 500 characters and no space.', {
    nextStep: 'Copy the token from the settings of your account on the Hub. It begins with "hf_".',
    field: 'value',
  });
}

/** Checks the present role: the person may have lost it since the link or the token was made. */
async function needPerson(access: Access, caller: Caller, role: 'member' | 'admin'): Promise<void> {
  if (caller.agent) {
    throw fail('person_needed', 'An assistant cannot manage credentials.', {
      nextStep: say`Do it yourself, without the assistant: ${task(role === 'admin' ? 'rotate_credential_key' : 'add_credential')}.`,
    });
  }
  const person = await access.current(caller.person.id);
  if (person && atLeast(person.role, role)) return;
  throw fail('role_missing', `This needs the role "${role}"; ${caller.person.name} has "${person?.role ?? 'none'}".`, {
    nextStep: 'Ask an admin for the role.',
  });
}

async function add(deps: CredentialManagerDeps, input: NewCredential, caller: Caller): Promise<AddedCredential> {
  const { store, ring, hub, clock, newId } = deps;
  const { name, value } = input;
  const account = await hub.account({ name, token: value });
  const keyMade = await ring.ensureKey();
  const fingerprint = fingerprintOf(value);
  const owner = caller.person.id;
  return store.transaction(async (transaction) => {
    const found = await findUsable(transaction, name, owner);
    const before = found?.owner === owner ? found : undefined;
    const shared = input.shared ?? before?.shared ?? false;
    if (shared) await refuseSharedName(transaction, name, owner);
    const id = before?.id ?? newId('crd');
    const sealed = await ring.seal(transaction, { table: 'credentials', id, owner }, value);
    const stored = { ...sealed, fingerprint, account, sharedName: shared ? name : null };
    if (before) await replaceCredential(transaction, id, stored);
    else await insertCredential(transaction, { id, owner, name, createdAt: clock.now().toISOString(), ...stored });
    const state = before ? 'replaced' : 'added';
    return { credential: name, state, account, fingerprint, shared, next_step: nextStep(name, keyMade, ring) };
  });
}

function nextStep(name: string, keyMade: boolean, ring: KeyRing): Prose {
  return sentences(
    keyMade ? `Back up ${ring.source.file}: without it nobody can open what is stored.` : '',
    say`Use it for a gated repo: ${run('register_model', { credential: name })}.`,
  );
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

/** A credential that cannot be opened does not stop the check of the others. Its error is thrown at the end. */
async function check(deps: CredentialManagerDeps): Promise<void> {
  const errors: unknown[] = [];
  for (const row of await allCredentials(deps.store.db)) {
    await checkOne(deps, row).catch((thrown: unknown) => errors.push(thrown));
  }
  if (errors.length > 0) throw errors[0];
}

async function checkOne(deps: CredentialManagerDeps, row: CredentialRow): Promise<void> {
  const state = await stateOnHub(deps, row);
  if (state === undefined || state === row.state) return;
  await markCredential(deps.store.db, row, { state, reason: state === 'failing' ? refusedReason : null });
}

/** Undefined if the Hub cannot be asked: that says nothing about the token. */
async function stateOnHub(
  { hub, ring }: CredentialManagerDeps,
  row: CredentialRow,
): Promise<CredentialRow['state'] | undefined> {
  const token = openValue(ring, row);
  try {
    await hub.account({ name: row.name, token });
    return 'ok';
  } catch (thrown) {
    return thrown instanceof EcolinkError && thrown.code === 'token_refused' ? 'failing' : undefined;
  }
}
