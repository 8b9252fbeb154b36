import type { Caller } from '../../base/caller.ts';
import type { LinkKind, Links } from '../one-time-links.ts';
import type { MadeToken, NewToken, TokenManager } from './token-manager.ts';

/** A page that makes one token and shows it: how somebody gets one whom only Slack knows. */
export interface TokenLinks {
  /** For the caller alone, by a private message. */
  make(caller: Caller): ReturnType<Links['make']>;
  /** `mayDecide`: the page may make a token whose approvals count. */
  find(id: string): Promise<{ person: { name: string }; mayDecide: boolean }>;
  /** Makes the token, once. A name that cannot be leaves the link as it was. */
  use(id: string, input: NewToken): Promise<MadeToken>;
}

export const tokenPages: LinkKind = { kind: 'token', again: '/ecolink token in Slack' };

export function createTokenLinks(links: Links, desk: TokenManager): TokenLinks {
  return {
    async make(caller) {
      desk.mayManage(caller);
      return links.make({}, caller, true);
    },
    find: (id) => links.find(id),
    use: (id, input) => links.use(id, undefined, (caller) => desk.create(input, caller)),
  };
}
