import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import type { Core } from '../core/core.ts';
import type { ClientAddresses } from './client-address.ts';
import type { FailureLimit } from './failure-limit.ts';
import type { HostCheck } from './host-check.ts';

export interface GatewayFeedDeps {
  core: Core;
  checkHost: HostCheck;
  addresses: ClientAddresses;
  failures: FailureLimit;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
}

/** A gateway that is this far behind is disconnected, and asks for the whole state. */
const mostUnreadBytes = 256 * 1024 ** 2;
const query = z.object({ after: z.coerce.number().int().nonnegative().optional() });
const uses = z.object({ tokens: z.array(z.string().max(100)).max(100_000) });

/**
 * For gateways, which have a credential of their own and no other right. `GET /gateways/routes?after=<number>` streams
 * signed lines; `POST /gateways/token-uses` takes the ids of tokens that made calls.
 */
export function gatewayFeedRoute(app: FastifyInstance, deps: GatewayFeedDeps): void {
  const { core, stopping } = deps;
  void app.register(async (gateways) => {
    gateways.addHook('onRequest', async (request) => admitGateway(deps, request));
    gateways.addContentTypeParser(
      'application/json',
      { parseAs: 'string', bodyLimit: 8 * 1024 ** 2 },
      (_, body, done) => done(null, body),
    );
    gateways.get('/gateways/routes', { exposeHeadRoute: false }, async (request, reply) => {
      const { data } = query.safeParse(request.query);
      reply.hijack();
      const response = reply.raw;
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      const send = (line: string): void => {
        response.write(`${line}\n`);
        if (response.writableLength > mostUnreadBytes) response.destroy();
      };
      const following = core.routingFeed.follow(data?.after, send);
      const end = (): void => void response.end();
      stopping.addEventListener('abort', end, { once: true });
      response.once('close', () => {
        stopping.removeEventListener('abort', end);
        void following.then((each) => each[Symbol.dispose]()).catch(() => {});
      });
      await following.catch((thrown: unknown) => {
        core.log.warn({ err: thrown }, 'a gateway got no routes');
        response.destroy();
      });
    });
    gateways.post('/gateways/token-uses', async (request, reply) => {
      const { data } = uses.safeParse(JSON.parse(String(request.body)));
      core.routingFeed.noteUses(data?.tokens ?? []);
      return reply.code(204).send();
    });
  });
}

function admitGateway({ core, checkHost, addresses, failures }: GatewayFeedDeps, request: FastifyRequest): void {
  try {
    checkHost(request.raw);
    const credential = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (credential !== undefined && core.routingFeed.admits(credential)) return;
    throw fail('invalid_token', 'This path is for gateways, and this is not their credential.', {
      nextStep: 'Give the gateway the credential that the server has.',
    });
  } catch (thrown) {
    throw failures.count(addresses.of(request.raw), thrown);
  }
}
