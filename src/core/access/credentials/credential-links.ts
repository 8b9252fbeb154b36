import type { Caller } from '../../base/caller.ts';
import { checkCredentialName } from './credential-manager.ts';
import type { AddedCredential, CredentialManager } from './credential-manager.ts';
import type { Link, LinkKind, Links } from '../one-time-links.ts';

/** A page where one Hugging Face token is typed. */
export interface CredentialLink extends Pick<Link, 'person' | 'needsToken'> {
  name: string;
  shared: boolean;
}

export interface CredentialLinks {
  make(
    input: { name: string; shared?: boolean | undefined },
    caller: Caller,
    handedTo: boolean,
  ): ReturnType<Links['make']>;
  find(id: string): Promise<CredentialLink>;
  /** Stores the value, once. A value that the Hub refuses leaves the link as it was. */
  use(id: string, value: string, ecolinkToken: string | undefined): Promise<AddedCredential>;
}

export const credentialPages: LinkKind = {
  kind: 'credential',
  again: '/ecolink credential add <name> in Slack, or ecolink credential add <name>',
};

type About = Pick<CredentialLink, 'name' | 'shared'>;

export function createCredentialLinks(links: Links, desk: CredentialManager): CredentialLinks {
  return {
    async make({ name, shared = false }, caller, handedTo) {
      await desk.mayAdd(caller);
      checkCredentialName(name);
      return links.make({ name, shared } satisfies About, caller, handedTo);
    },
    async find(id) {
      const { about, person, needsToken } = await links.find(id);
      return { ...(about as About), person, needsToken };
    },
    use: (id, value, ecolinkToken) =>
      links.use(id, ecolinkToken, (caller, { about }) => {
        const { name, shared } = about as About;
        return desk.add({ name, value, ...(shared ? { shared } : {}) }, caller);
      }),
  };
}
