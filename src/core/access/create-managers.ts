import type { AuditLog } from '../audit/audit.ts';
import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Hub } from '../hub/hub.ts';
import type { KeyRing } from '../secrets/ring.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { createClaims } from './people/claims.ts';
import type { Claims } from './people/claims.ts';
import type { CredentialLinks } from './credentials/credential-links.ts';
import { createCredentialLinks, credentialPages } from './credentials/credential-links.ts';
import type { CredentialManager } from './credentials/credential-manager.ts';
import { createCredentialManager } from './credentials/credential-manager.ts';
import type { Installations } from './workspaces/installations.ts';
import { createInstallations } from './workspaces/installations.ts';
import { createLinks } from './one-time-links.ts';
import type { People } from './people/people.ts';
import type { TokenLinks } from './tokens/token-links.ts';
import { createTokenLinks, tokenPages } from './tokens/token-links.ts';
import type { TokenManager } from './tokens/token-manager.ts';
import { createTokenManager } from './tokens/token-manager.ts';

export interface ManagerDeps {
  access: Access;
  people: People;
  audit: AuditLog;
  store: Store;
  ring: KeyRing;
  hub: Hub;
  /** The address of the server for people's browsers. */
  publicUrl: () => string;
  clock: Clock;
  newId: NewId;
}

/** What people do with secrets and with the first role. These are no operations: no value of a secret goes through one. */
export interface Managers {
  readonly claims: Claims;
  /** The Slack app's own tokens, one set for each workspace that installed it. */
  readonly installations: Installations;
  /** Adds credentials and rotates their key. */
  readonly credentials: CredentialManager & { links: CredentialLinks; url(link: string): string };
  /** Makes and revokes tokens. */
  readonly tokens: TokenManager & { links: TokenLinks; url(link: string): string };
}

export function createManagers(deps: ManagerDeps): Managers {
  const { access, store, publicUrl, clock } = deps;
  const now = (): Date => clock.now();
  const credentials = createCredentialManager(deps);
  const tokens = createTokenManager(deps);
  return {
    claims: createClaims(deps),
    installations: createInstallations(deps),
    credentials: {
      ...credentials,
      links: createCredentialLinks(createLinks({ access, store, now }, credentialPages), credentials),
      url: (link) => `${publicUrl()}/credentials/${link}`,
    },
    tokens: {
      ...tokens,
      links: createTokenLinks(createLinks({ access, store, now }, tokenPages), tokens),
      url: (link) => `${publicUrl()}/tokens/${link}`,
    },
  };
}
