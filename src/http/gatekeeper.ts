import type { IncomingMessage } from 'node:http';
import type { Caller } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import type { TaskReference } from '../core/base/prose.ts';
import type { Access } from '../core/core.ts';
import type { ClientAddresses } from './client-address.ts';
import type { FailureLimit } from './failure-limit.ts';
import type { HostCheck } from './host-check.ts';

/**
 * Finds the caller of a path that needs a token. Throws `host_not_allowed`, `origin_not_allowed`, `token_missing`,
 * `invalid_token`, and `too_many_failures` if the address of the client had too many of them.
 */
export type Admit = (request: IncomingMessage) => Promise<Caller>;

export interface GatekeeperDeps {
  access: Pick<Access, 'callerOfToken'>;
  checkHost: HostCheck;
  addresses: ClientAddresses;
  failures: FailureLimit;
}

export function createGatekeeper({ access, checkHost, addresses, failures }: GatekeeperDeps): Admit {
  return async (request) => {
    try {
      checkHost(request);
      return await callerOf(access, request);
    } catch (thrown) {
      throw failures.count(addresses.of(request), thrown);
    }
  };
}

async function callerOf(access: GatekeeperDeps['access'], request: IncomingMessage): Promise<Caller> {
  const caller = await access.callerOfToken(bearerToken(request), sourceOf(request));
  if (caller) return caller;
  const message = 'This token is unknown or revoked, or its person has no role any more.';
  if (isMcp(request)) throw fail('invalid_token', message, { nextStep: forAssistants });
  throw fail('invalid_token', message, {
    nextStep: say`Make a new one: ${newToken(request)}. Or use the one in the file local-token in the data folder.`,
  });
}

/** Hosts show it to their users, who may not know EcoLink: the command stands here in full. */
const forAssistants =
  'Make a token on the server: ecolink token create <name> --agent --scope operate. Send it as "Authorization: Bearer <token>".';

function bearerToken(request: IncomingMessage): string {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined) return token;
  if (isMcp(request)) throw fail('token_missing', 'MCP needs a token.', { nextStep: forAssistants });
  throw fail('token_missing', 'This path needs a token.', {
    nextStep:
      'Send the header "Authorization: Bearer <token>". The local token is in the file local-token in the data folder.',
  });
}

function isMcp({ url = '' }: IncomingMessage): boolean {
  return /^[/]mcp[/]?(?:[?]|$)/.test(url);
}

/** Calls of models need less than everything else. */
function newToken({ url = '' }: IncomingMessage): TaskReference {
  return task(/^[/](?:v1|instances)[/]/.test(url) ? 'create_call_token' : 'create_operate_token');
}

/** EcoLink's own front ends name themselves in a header. Everything else is plain HTTP. */
function sourceOf(request: IncomingMessage): Caller['source'] {
  if (isMcp(request)) return 'mcp';
  const named = request.headers['ecolink-source'];
  return named === 'cli' || named === 'mcp' ? named : 'http';
}
