import type { IncomingMessage } from 'node:http';
import type { Access } from '../core/access/access.ts';
import type { Caller } from '../core/access/caller.ts';
import { EcolinkError } from '../core/errors.ts';
import { createHostCheck } from './host-check.ts';

/** Who calls, for every path that needs a token. Throws EcolinkError: `host_not_allowed`, `token_missing`, `invalid_token`… */
export type Admit = (request: IncomingMessage) => Promise<Caller>;

export function createGatekeeper(access: Access, configuredHost: string, others: readonly string[] = []): Admit {
  const checkHost = createHostCheck(configuredHost, others);
  return async (request) => {
    checkHost(request);
    const caller = await access.callerOfToken(bearerToken(request), sourceOf(request));
    if (caller) return caller;
    throw new EcolinkError(
      'unauthenticated',
      'invalid_token',
      'This token is unknown, was revoked, or belongs to somebody who has no role any more.',
      {
        nextStep:
          'Make a new one with "ecolink token create <name>", or use the one in local-token in the data folder.',
      },
    );
  };
}

function bearerToken(request: IncomingMessage): string {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined) return token;
  throw new EcolinkError('unauthenticated', 'token_missing', 'This path needs a token.', {
    nextStep: 'Send the header "Authorization: Bearer <token>"; the local token is in local-token in the data folder.',
  });
}

/** The shell's own front ends say what they are; whatever else calls is plain HTTP. */
function sourceOf(request: IncomingMessage): Caller['source'] {
  if (request.url === '/mcp' || request.url?.startsWith('/mcp?')) return 'mcp';
  const named = request.headers['ecolink-source'];
  return named === 'cli' || named === 'mcp' ? named : 'http';
}
