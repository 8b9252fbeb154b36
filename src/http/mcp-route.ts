import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { asEcolinkError } from '../core/base/errors.ts';
import { plainWords } from '../core/base/prose.ts';
import type { McpHttp } from '../mcp/http.ts';
import { readJson } from './json-body.ts';

/** JSON-RPC's code for a text that is not JSON. */
const parseError = -32_700;

/** /mcp. A JSON body is read and bounded here. Others are passed on unread: the protocol has its own errors for them. */
export function mcpRoute(app: FastifyInstance, mcp: McpHttp, progressMs: number): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.all('/mcp', async (request, reply) => {
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
    });
  });
}

function sendParseError(response: ServerResponse, thrown: unknown, reference: string): void {
  const { httpStatus, message, nextStep, retryAfterSeconds } = asEcolinkError(thrown, reference);
  const error = { code: parseError, message: `${message} ${plainWords(nextStep)}` };
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  response.writeHead(httpStatus, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
