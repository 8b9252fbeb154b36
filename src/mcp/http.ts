import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { AuthInfo } from '@modelcontextprotocol/server';
import type { Caller } from '../core/base/caller.ts';
import type { Core } from '../core/core.ts';
import { createMcpServer } from './server.ts';

interface HttpDeps {
  core: Core;
  version: string;
}

export interface McpHttp extends AsyncDisposable {
  /**
   * Answers one request for a caller whose token, Host and Origin have been checked. `body` is the parsed JSON where
   * somebody has read the request's stream already; without it the stream is read here (at most 4 MiB).
   */
  handle(request: IncomingMessage, response: ServerResponse, caller: Caller, body?: unknown): Promise<void>;
}

/** One stateless endpoint for both eras: 2026-07-28 clients, and 2025 clients that open with `initialize`. */
export function createMcpHttp({ core, version }: HttpDeps): McpHttp {
  const report = (thrown: unknown, reference: string) =>
    core.log.error({ err: thrown, reference }, 'unexpected error in a tool');
  const onerror = (error: Error) => core.log.info({ reason: error.message }, 'refused a malformed MCP request');
  const handler = createMcpHandler(
    ({ authInfo }) => {
      const caller = callerOf(authInfo);
      return createMcpServer({
        version,
        report,
        call: (operation, input, options) => core.execute(operation, input, caller, options),
      });
    },
    { onerror },
  );
  const serve = toNodeHandler(handler, { onerror });
  return {
    handle: (request, response, caller, body) => serve(withCaller(request, caller), response, body),
    [Symbol.asyncDispose]: () => handler.close(),
  };
}

function withCaller(request: IncomingMessage, caller: Caller): NodeIncomingMessageLike {
  // Node's own type says `string | undefined` where the adapter's says `?: string`.
  return Object.assign(request, { auth: asAuthInfo(caller) }) as NodeIncomingMessageLike;
}

/** The SDK hands this to the factory as it is and looks at none of it. The token itself stays with whoever checked it. */
function asAuthInfo(caller: Caller): AuthInfo {
  return { token: '', clientId: caller.identity, scopes: [...caller.scopes], extra: { caller } };
}

/** Whatever comes over MCP acts for a person and is not that person. */
function callerOf(auth: AuthInfo | undefined): Caller {
  const caller = auth?.extra?.['caller'] as Caller | undefined;
  if (!caller) throw new Error('An MCP request without a caller: handle() was bypassed.');
  return { ...caller, agent: true, mayDecide: false, source: 'mcp' };
}
