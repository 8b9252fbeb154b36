import type { ServerResponse } from 'node:http';
import type { FastifyInstance, RouteHandlerMethod } from 'fastify';
import { asEcolinkError } from '../core/base/errors.ts';
import { plainWords } from '../core/base/prose.ts';
import type { Core } from '../core/core.ts';
import type { McpHttp } from '../mcp/http.ts';
import { readJson } from './json-body.ts';

/** JSON-RPC's code for a text that is not JSON. */
const parseError = -32_700;

interface McpRouteDeps {
  core: Pick<Core, 'needScope'>;
  mcp: McpHttp;
  /** A body that stops for this time is given up, in milliseconds. */
  progressMs: number;
}

/** /mcp. A JSON body is read and bounded here. Others are passed on unread: the protocol has its own errors for them. */
export function mcpRoute(app: FastifyInstance, { core, mcp, progressMs }: McpRouteDeps): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.addHook('onRequest', async (request, reply) => {
      try {
        core.needScope(request.caller, 'read');
      } catch (thrown) {
        // RFC 6750: clients learn which scope they lack.
        void reply.header('www-authenticate', 'Bearer error="insufficient_scope", scope="read"');
        throw thrown;
      }
    });
    const answer: RouteHandlerMethod = async (request, reply) => {
      reply.hijack();
      reply.raw.setHeader('x-request-id', request.id);
      const isJson =
        request.method === 'POST' && /^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');
      let body: unknown;
      try {
        if (isJson) body = JSON.parse(await readJson(request, progressMs));
      } catch (thrown) {
        return sendParseError(reply.raw, thrown, request.id);
      }
      await mcp.handle(request.raw, reply.raw, request.caller, body);
    };
    for (const path of ['/mcp', '/mcp/']) scope.all(path, answer);
  });
}

function sendParseError(response: ServerResponse, thrown: unknown, reference: string): void {
  const { httpStatus, message, nextStep, retryAfterSeconds } = asEcolinkError(thrown, reference);
  const error = { code: parseError, message: `${message} ${plainWords(nextStep)}` };
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  response.writeHead(httpStatus, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
