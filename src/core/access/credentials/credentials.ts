import { createHash } from 'node:crypto';
import type { Caller } from '../../base/caller.ts';
import { fail } from '../../base/errors.ts';
import { say, task } from '../../base/prose.ts';
import type { Prose } from '../../base/prose.ts';
import type { Config } from '../../config/config.ts';
import type { HubCredential } from '../../hub/hub.ts';
import type { KeyRing } from '../../secrets/ring.ts';
import type { Store } from '../../store/store.ts';
import { credentialsVisibleTo, findCredential, findUsable, markCredential, noteCredentialUse } from './table.ts';
import type { CredentialRow } from './table.ts';

/** The credential that a model was registered with. */
export interface ModelCredential {
  /** Its name when the model was registered. */
  credential?: string;
  /** The id of a stored one. The same name may mean different credentials for different people. */
  credentialId?: string;
}

/** Hugging Face tokens by name. Their values go to the Hub and to downloaders only. */
export interface CredentialStore {
  /** Throws `credential_not_found`, also for a credential of another person. */
  resolve(name: string, caller: Caller): Promise<HubCredential>;
  /** The credential to try if the caller named none and the Hub wants one. */
  fallback(caller: Caller): HubCredential | undefined;
  /** The model's own credential, for a download. It does not depend on who launches the model. */
  forModel(model: ModelCredential): Promise<HubCredential | undefined>;
  /** Marks a token that the Hub refused. The models that need it then show a warning. */
  noteRefusal(id: string): Promise<void>;
  /** What people should know before they launch the model. */
  warnings(model: ModelCredential, caller: Caller): Promise<Prose[]>;
}

export interface CredentialDeps {
  config: Pick<Config, 'secrets'>;
  localPersonId: string;
  store: Store;
  ring: KeyRing;
  now: () => Date;
}

/** All that the Hub tells about a token that stopped working. */
export const refusedReason = 'The Hub refuses the token: it is wrong, expired or revoked.';

/** `HF_TOKEN` of the environment is a credential of this name. It belongs to the local person. */
export const environmentName = 'env';

export function createCredentials(deps: CredentialDeps): CredentialStore {
  const { store, ring, now } = deps;
  const environmentOf = (caller: Caller): HubCredential | undefined =>
    caller.person.id === deps.localPersonId ? fromEnvironment(deps.config) : undefined;
  const openForUse = async (row: CredentialRow): Promise<HubCredential> => {
    const token = openValue(ring, row);
    await noteCredentialUse(store.db, row.id, now().toISOString());
    return { name: row.name, token, id: row.id, owner: row.ownerName };
  };
  return {
    async resolve(name, caller) {
      const environment = environmentOf(caller);
      if (environment?.name === name) return environment;
      const row = name === environmentName ? undefined : await findUsable(store.db, name, caller.person.id);
      if (row) return openForUse(row);
      throw await notFound(store, name, caller, environment);
    },
    fallback: environmentOf,
    async forModel({ credential, credentialId }) {
      if (credentialId === undefined) return credential === environmentName ? fromEnvironment(deps.config) : undefined;
      const row = await findCredential(store.db, credentialId);
      return row && openForUse(row);
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

/** Distinguishes two tokens. Tokens are long and random, so it does not reveal anything about the value. */
export function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}

export function fromEnvironment({ secrets }: Pick<Config, 'secrets'>): HubCredential | undefined {
  return secrets.hfToken === undefined ? undefined : { name: environmentName, token: secrets.hfToken };
}

/** Only people who may see the credential learn its name. */
function warningOf(row: CredentialRow, caller: Caller): Prose {
  if (row.owner === caller.person.id)
    return say`Your credential "${row.name}", which this model downloads with, does not work. ${row.reason ?? ''} To replace its value: ${task('add_credential', row.name)}.`;
  const name = row.shared ? `The credential "${row.name}" of ${row.ownerName}` : 'The credential';
  return `${name} that this model downloads with does not work any more. If its files are not cached, a launch fails until the owner replaces the credential.`;
}

async function notFound(
  store: Store,
  name: string,
  caller: Caller,
  environment: HubCredential | undefined,
): Promise<Error> {
  const visible = await credentialsVisibleTo(store.db, caller.person.id);
  const names = [...(environment ? [environment.name] : []), ...visible.map((row) => row.name)];
  const wanted = /^[\w.-]{1,48}$/.test(name) ? name : undefined;
  return fail('credential_not_found', `You have no credential named "${name}".`, {
    nextStep: say`To have one: ${task('add_credential', wanted)}. If the server starts with HF_TOKEN set, the local person has it as the credential "${environmentName}".`,
    field: 'credential',
    validValues: names.length > 0 ? [...new Set(names)].toSorted() : undefined,
  });
}
