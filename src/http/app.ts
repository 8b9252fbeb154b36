import fastify from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../core/base/caller.ts';
import type { Core } from '../core/core.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { HeldBytes } from '../gateway/held-bytes.ts';
import { requestIdOf } from '../gateway/request-id.ts';
import type { McpHttp } from '../mcp/http.ts';
import type { Timeouts } from './body-time.ts';
import type { ClientAddresses } from './client-address.ts';
import { credentialPage } from './credentials-page.ts';
import { credentialsRoute } from './credentials-route.ts';
import { pathNotFound, sendError } from './error-reply.ts';
import { eventsRoute } from './events-route.ts';
import type { FailureLimit } from './failure-limit.ts';
import { formPage } from './form-page.ts';
import type { Admit } from './gatekeeper.ts';
import type { HostCheck } from './host-check.ts';
import { parseJsonBodies, requireJsonObject } from './json-body.ts';
import { createListener, refuseGarbage } from './listener.ts';
import { gatewayFeedRoute } from './gateway-feed-route.ts';
import { mcpRoute } from './mcp-route.ts';
import type { Metrics } from './metrics.ts';
import { oauthRoutes } from './oauth-routes.ts';
import { operationsRoute } from './operations-route.ts';
import type { SlackMount } from './slack-mount.ts';
import { metricsRoute, probeRoutes } from './status-routes.ts';
import { tokenPage } from './tokens-page.ts';
import { tokensRoute } from './tokens-route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for every path that needs a token. */
    caller: Caller;
  }
}

export interface AppDeps {
  core: Core;
  admit: Admit;
  checkHost: HostCheck;
  metrics: Metrics;
  addresses: ClientAddresses;
  failures: FailureLimit;
  held: HeldBytes;
  timeouts: Timeouts;
  gateway: Gateway;
  mcp: McpHttp;
  slack: SlackMount;
  /** Aborted when the server stops: waits and event streams end. */
  stopping: AbortSignal;
}

export function createApp(deps: AppDeps): FastifyInstance {
  const { core, admit, stopping, held, timeouts } = deps;
  const app = fastify({
    serverFactory: (handler) => createListener({ ...deps, log: core.log, limits: core.config.http }, handler),
    genReqId: requestIdOf,
    // EcoLink logs by itself, one line per request.
    logger: false,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, core.log),
    clientErrorHandler: refuseGarbage,
  });
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    core.log.debug(
      { request: request.id, method: request.method, path: loggedPath(request), status: reply.statusCode },
      'request',
    );
  });
  app.setErrorHandler((thrown, request, reply) => sendError(thrown, request, reply, core.log));
  probeRoutes(app, core);
  gatewayFeedRoute(app, deps);
  oauthRoutes(app);
  for (const page of [credentialPage(core), tokenPage(core)]) formPage(app, core.log, deps, page);
  void app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request, reply) => {
      request.caller = await admit(request.raw);
      const body = held.open(request.caller.identity);
      request.held = body;
      reply.raw.once('close', () => body[Symbol.dispose]());
    });
    parseJsonBodies(guarded, timeouts.progress);
    guarded.addHook('preHandler', async (request) => requireJsonObject(request));
    guarded.setNotFoundHandler((request) => {
      throw pathNotFound(request);
    });
    operationsRoute(guarded, core, stopping);
    eventsRoute(guarded, core, admit, stopping);
    tokensRoute(guarded, core);
    credentialsRoute(guarded, core);
    metricsRoute(guarded, core, deps.metrics);
    mcpRoute(guarded, { core, mcp: deps.mcp, progressMs: timeouts.progress });
  });
  return app;
}

/** The path of a page is a secret: whoever knows it can open the page. */
function loggedPath({ url, routeOptions }: FastifyRequest): string | undefined {
  return /^[/](?:credentials|tokens)[/]/.test(url) ? (routeOptions.url ?? '/…') : url.split('?')[0];
}
