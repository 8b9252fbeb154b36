import { z } from 'zod';
import type { Caller } from '../../base/caller.ts';
import { say, task } from '../../base/prose.ts';
import type { Link, LinkKind, Links } from '../one-time-links.ts';
import { checkCredentialName } from './credential-manager.ts';
import type { AddedCredential, CredentialManager } from './credential-manager.ts';

const linkedCredential = z.object({ name: z.string(), shared: z.boolean() });
type LinkedCredential = z.infer<typeof linkedCredential>;

/** A page where one Hugging Face token is typed. */
export interface CredentialLink extends Pick<Link<unknown>, 'person' | 'needsToken'>, LinkedCredential {}

export interface CredentialLinks {
  make(
    input: { name: string; shared?: boolean | undefined },
    caller: Caller,
    isPrivate: boolean,
  ): ReturnType<Links<LinkedCredential>['make']>;
  find(id: string): Promise<CredentialLink>;
  /** Stores the value, once. If the Hub refuses the value, the link stays valid. */
  use(id: string, value: string, ecolinkToken: string | undefined): Promise<AddedCredential>;
}

export const credentialPages: LinkKind<LinkedCredential> = {
  kind: 'credential',
  subject: linkedCredential,
  nextStep: say`Ask for a new link, or do it without one: ${task('add_credential')}.`,
};

export function createCredentialLinks(links: Links<LinkedCredential>, credentials: CredentialManager): CredentialLinks {
  return {
    async make({ name, shared = false }, caller, isPrivate) {
      await credentials.mayAdd(caller);
      checkCredentialName(name);
      return links.make({ name, shared }, caller, isPrivate);
    },
    async find(id) {
      const { subject, person, needsToken } = await links.find(id);
      return { ...subject, person, needsToken };
    },
    use: (id, value, ecolinkToken) =>
      links.use(id, ecolinkToken, (caller, { subject: { name, shared } }) =>
        // Without `shared`, a credential that is shared already stays shared.
        credentials.add({ name, value, shared: shared ? true : undefined }, caller),
      ),
  };
}
