import type { FastifyInstance } from 'fastify';

/** Where clients look for a server of OAuth: RFC 8414, RFC 9728 and OpenID Connect, also below the path of MCP. */
const discovery = ['oauth-authorization-server', 'oauth-protected-resource', 'openid-configuration'];

const how =
  'This server has no OAuth. Make a token on its machine: ecolink token create <name> --agent --scope operate. Send it as "Authorization: Bearer <token>".';

/**
 * EcoLink's tokens come from people. A client that gets 401 here would register itself and fail in a way that nobody
 * understands. So these paths need no token: discovery finds nothing, and a registration is refused in OAuth's form.
 */
export function oauthRoutes(app: FastifyInstance): void {
  for (const name of discovery) {
    for (const path of [`/.well-known/${name}`, `/.well-known/${name}/mcp`])
      app.get(path, async (_request, reply) => reply.code(404).send({ error: 'not_found', error_description: how }));
  }
  void app.register(async (scope) => {
    // The body does not matter, so it is not read.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post('/register', async (_request, reply) =>
      reply.code(400).send({ error: 'invalid_client_metadata', error_description: how }),
    );
  });
}
