import type { FastifyInstance } from 'fastify';
import type { McpHttp } from '../mcp/http.ts';

/** /mcp. The body is passed on unread, because the protocol has its own errors for a bad body. */
export function mcpRoute(app: FastifyInstance, mcp: McpHttp): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.all('/mcp', async (request, reply) => {
      reply.hijack();
      reply.raw.setHeader('x-request-id', request.id);
      await mcp.handle(request.raw, reply.raw, request.caller);
    });
  });
}
