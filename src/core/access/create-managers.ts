import type { AuditLog } from '../audit/audit.ts';
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
  /** Where people's browsers reach the server. */
  publicUrl: () => string;
  now: () => Date;
}

/** What people do with secrets and first roles: no operations, since no value of a secret goes through one. */
export interface Managers {
  readonly claims: Claims;
  /** The Slack app's own tokens, of each workspace that installed it. */
  readonly installations: Installations;
  /** Adding credentials and rotating their key. */
  readonly credentials: CredentialManager & { links: CredentialLinks; url(link: string): string };
  /** Making and revoking tokens. */
  readonly tokens: TokenManager & { links: TokenLinks; url(link: string): string };
}

export function createManagers({ access, people, audit, store, ring, hub, publicUrl, now }: ManagerDeps): Managers {
  const credentials = createCredentialManager({ access, audit, store, ring, hub, now });
  const tokens = createTokenManager({ access, audit, now });
  return {
    claims: createClaims({ people, store, audit, now }),
    installations: createInstallations({ access, audit, store, ring, now }),
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
