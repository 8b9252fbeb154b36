import { createHash } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { fail } from '../../base/errors.ts';
import type { HubCredential } from '../../hub/hub.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import { credentialsVisibleTo, findCredential, findUsable, markCredential, noteCredentialUse } from './table.ts';
import type { CredentialRow } from './table.ts';
import type { Store } from '../../store/store.ts';
import type { Caller } from '../../base/caller.ts';

/** The credential that a model was registered with. */
export interface EntryCredential {
  /** Its name, as the registrant gave it. */
  credential?: string;
  /** The id of a stored one: the same name may mean another credential to another person. */
  credentialId?: string;
}

/** Hugging Face tokens by name. The value leaves this room only on its way to the Hub or to a downloader. */
export interface CredentialStore {
  /** Throws `credential_not_found`, for a name that exists but is another person's too. */
  resolve(name: string, caller: Caller): Promise<HubCredential>;
  /** What to try where none was named and the Hub wants one. */
  fallback(caller: Caller): HubCredential | undefined;
  /** For the work itself: an entry's own credential, whoever asked for the launch. */
  forEntry(entry: EntryCredential): Promise<HubCredential | undefined>;
  /** The Hub refused this token: it is reported on the entries that need it. */
  noteRefusal(id: string): Promise<void>;
  /** What somebody should know before they launch the entry. */
  warnings(entry: EntryCredential, caller: Caller): Promise<string[]>;
}

export interface CredentialDeps {
  config: Pick<Config, 'secrets'>;
  localPersonId: string;
  store: Store;
  ring: KeyRing;
  now: () => Date;
}

/** Whatever is known of why a token stopped working. */
export const refusedReason = 'The Hub refuses the token: it is wrong, expired or revoked.';

/** The environment's `HF_TOKEN` is the local person's credential of this name, and nobody else's. */
export const environmentName = 'env';

export function createCredentials(deps: CredentialDeps): CredentialStore {
  const { store, ring, now } = deps;
  const owned = (caller: Caller): HubCredential | undefined =>
    caller.person.id === deps.localPersonId ? fromEnvironment(deps.config) : undefined;
  const use = async (row: CredentialRow): Promise<HubCredential> => {
    const token = openValue(ring, row);
    await noteCredentialUse(store.db, row.id, now().toISOString());
    return { name: row.name, token, id: row.id, owner: row.ownerName };
  };
  return {
    async resolve(name, caller) {
      const credential = owned(caller);
      if (credential?.name === name) return credential;
      const row = name === environmentName ? undefined : await findUsable(store.db, name, caller.person.id);
      if (row) return use(row);
      throw await unknown(store, name, caller, credential);
    },
    fallback: owned,
    async forEntry({ credential, credentialId }) {
      if (credentialId === undefined) return credential === environmentName ? fromEnvironment(deps.config) : undefined;
      const row = await findCredential(store.db, credentialId);
      return row && use(row);
    },
    async noteRefusal(id) {
      const row = await findCredential(store.db, id);
      if (row) await markCredential(store.db, row, { state: 'failing', reason: refusedReason });
    },
    async warnings({ credentialId }, caller) {
      const row = credentialId === undefined ? undefined : await findCredential(store.db, credentialId);
      return row?.state === 'failing' ? [warningOf(row, caller)] : [];
    },
  };
}

export function openValue(ring: KeyRing, row: CredentialRow): string {
  return ring.open({ table: 'credentials', id: row.id, owner: row.owner }, row);
}

/** Tells two tokens apart. They are random and long: nothing can be found from it. */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}

export function fromEnvironment({ secrets }: Pick<Config, 'secrets'>): HubCredential | undefined {
  return secrets.hfToken === undefined ? undefined : { name: environmentName, token: secrets.hfToken };
}

/** Who may not know of the credential learns that the entry's does not work, and nothing of which it is. */
function warningOf(row: CredentialRow, caller: Caller): string {
  if (row.owner === caller.person.id)
    return `Your credential "${row.name}", which it downloads with, does not work. ${row.reason ?? ''} Replace its value: ecolink credential add ${row.name}`;
  const which = row.shared ? `The credential "${row.name}" of ${row.ownerName}` : 'The credential';
  return `${which} that it downloads with does not work any more: where its bytes are not cached, a launch fails until its owner replaces it.`;
}

async function unknown(store: Store, name: string, caller: Caller, env: HubCredential | undefined): Promise<Error> {
  const visible = await credentialsVisibleTo(store.db, caller.person.id);
  const names = [...(env ? [env.name] : []), ...visible.map((row) => row.name)];
  return fail('credential_not_found', `You have no credential named "${name}".`, {
    nextStep: `Add it with "ecolink credential add ${/^[\w.-]{1,48}$/.test(name) ? name : '<name>'}", or start the server with HF_TOKEN set: that is the local person's credential "env".`,
    field: 'credential',
    ...(names.length > 0 ? { validValues: [...new Set(names)].toSorted() } : {}),
  });
}
