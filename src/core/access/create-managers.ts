import type { AuditLog } from '../audit/audit.ts';
import type { Core } from '../core.ts';
import type { Hub } from '../hub/hub.ts';
import type { KeyRing } from '../secrets/ring.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { createClaims } from './people/claims.ts';
import { createCredentialLinks, credentialPages } from './credentials/credential-links.ts';
import { createCredentialDesk } from './credentials/credential-manager.ts';
import { createInstallations } from './workspaces/installations.ts';
import { createLinks } from './one-time-links.ts';
import type { People } from './people/people.ts';
import { createTokenLinks, tokenPages } from './tokens/token-links.ts';
import { createTokenDesk } from './tokens/token-manager.ts';

export interface DeskParts {
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
export type Desks = Pick<Core, 'claims' | 'installations' | 'credentials' | 'tokens'>;

export function createDesks({ access, people, audit, store, ring, hub, publicUrl, now }: DeskParts): Desks {
  const credentials = createCredentialDesk({ access, audit, store, ring, hub, now });
  const tokens = createTokenDesk({ access, audit, now });
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
