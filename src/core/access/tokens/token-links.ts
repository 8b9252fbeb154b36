import { z } from 'zod';
import type { Caller } from '../../base/caller.ts';
import type { LinkKind, Links } from '../one-time-links.ts';
import type { MadeToken, NewToken, TokenManager } from './token-manager.ts';

/** Pages that make one token and show it. People without a token yet get one this way. */
export interface TokenLinks {
  /** For the caller only, in a private message. */
  make(caller: Caller): ReturnType<Links<object>['make']>;
  /** `mayDecide`: the page may make a token whose approvals count. */
  find(id: string): Promise<{ person: { name: string }; mayDecide: boolean }>;
  /** Makes the token, once. If the token cannot be made, the link stays valid. */
  use(id: string, input: NewToken): Promise<MadeToken>;
}

export const tokenPages: LinkKind<object> = {
  kind: 'token',
  subject: z.object({}),
  nextStep: 'Ask for a new link where you got this one.',
};

export function createTokenLinks(links: Links<object>, tokens: TokenManager): TokenLinks {
  return {
    async make(caller) {
      tokens.mayManage(caller);
      return links.make({}, caller, true);
    },
    find: (id) => links.find(id),
    use: (id, input) => links.use(id, undefined, (caller) => tokens.create(input, caller)),
  };
}
