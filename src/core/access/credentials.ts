import type { Config } from '../config/config.ts';
import { notFound } from '../errors.ts';
import type { HubCredential } from '../hub/hub.ts';
import type { Caller } from './caller.ts';

/** Hugging Face tokens by name. The value leaves this room only on its way to the Hub or to a downloader. */
export interface CredentialStore {
  /** Throws `credential_not_found`, for a name that exists but is another person's too. */
  resolve(name: string, caller: Caller): HubCredential;
  /** What to try where none was named and the Hub wants one. */
  fallback(caller: Caller): HubCredential | undefined;
  /** For the work itself: an entry's own credential, whoever asked for the launch. */
  forEntry(name: string | undefined): HubCredential | undefined;
}

/** `HF_TOKEN` is the local person's credential named `env`, and nobody else's. */
export function createCredentials(config: Config, localPersonId: string): CredentialStore {
  const env = config.secrets.hfToken === undefined ? undefined : { name: 'env', token: config.secrets.hfToken };
  const owned = (caller: Caller): HubCredential | undefined => (caller.person.id === localPersonId ? env : undefined);
  return {
    resolve(name, caller) {
      const credential = owned(caller);
      if (credential?.name === name) return credential;
      throw notFound('credential_not_found', `You have no credential named "${name}".`, {
        nextStep: 'Start the server with HF_TOKEN set: it is then the local person\'s credential "env".',
        field: 'credential',
        ...(credential ? { validValues: [credential.name] } : {}),
      });
    },
    fallback: owned,
    forEntry: (name) => (name === 'env' ? env : undefined),
  };
}
