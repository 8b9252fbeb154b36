import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { AuthInfo } from '@modelcontextprotocol/server';
import type { Caller } from '../core/base/caller.ts';
import type { Core } from '../core/core.ts';
import { createMcpServer } from './server.ts';

interface HttpDeps {
  core: Core;
  version: string;
  /** Aborted when the server stops: calls that wait end then. */
  stopping: AbortSignal;
}

export interface McpHttp extends AsyncDisposable {
  /**
   * Answers one request. The caller's token, Host and Origin must be checked before. `body` is the parsed JSON if the
   * request's stream was read already. Without it the stream is read here (at most 4 MiB).
   */
  handle(request: IncomingMessage, response: ServerResponse, caller: Caller, body?: unknown): Promise<void>;
}

/** One stateless endpoint for clients of 2026-07-28, and for clients of 2025 that begin with `initialize`. */
export function createMcpHttp({ core, version, stopping }: HttpDeps): McpHttp {
  const report = (thrown: unknown, reference: string) =>
    core.log.error({ err: thrown, reference }, 'unexpected error in a tool');
  const onerror = (error: Error) => core.log.info({ reason: error.message }, 'refused a malformed MCP request');
  // The SDK passes the AuthInfo of a request to the factory unchanged.
  const callers = new WeakMap<AuthInfo, Caller>();
  const handler = createMcpHandler(
    ({ authInfo }) => {
      const caller = authInfo && callers.get(authInfo);
      if (!caller) throw new Error('An MCP request has no caller: it did not come through handle().');
      return createMcpServer({
        version,
        report,
        call: (operation, input, { signal }) =>
          core.execute(operation, input, asAgent(caller), {
            signal: signal ? AbortSignal.any([signal, stopping]) : stopping,
          }),
      });
    },
    { onerror },
  );
  const serve = toNodeHandler(handler, { onerror });
  return {
    handle(request, response, caller, body) {
      const auth = authInfoOf(caller);
      callers.set(auth, caller);
      return serve(Object.assign(request, { auth }), response, body);
    },
    [Symbol.asyncDispose]: () => handler.close(),
  };
}

/** The SDK does not use its contents. The token stays with the code that checked it. */
function authInfoOf({ identity, scopes }: Caller): AuthInfo {
  return { token: '', clientId: identity, scopes: [...scopes] };
}

/** An assistant acts for a person, but is not that person. */
function asAgent(caller: Caller): Caller {
  return { ...caller, agent: true, mayDecide: false, source: 'mcp' };
}
