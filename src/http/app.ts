import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import fastify from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import type { Core } from '../core/core.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { requestIdOf } from '../gateway/request-id.ts';
import type { McpHttp } from '../mcp/http.ts';
import { credentialPage } from './credentials-page.ts';
import { credentialsRoute } from './credentials-route.ts';
import { pathNotFound, sendError } from './error-reply.ts';
import { eventsRoute } from './events-route.ts';
import { formPage } from './form-page.ts';
import type { Admit } from './gatekeeper.ts';
import type { HostCheck } from './host-check.ts';
import { mcpRoute } from './mcp-route.ts';
import type { Metrics } from './metrics.ts';
import { operationsRoute } from './operations-route.ts';
import type { RequestListener, SlackMount } from './slack-mount.ts';
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
  gateway: Gateway;
  mcp: McpHttp;
  slack: SlackMount;
  /** Aborted when the server stops: waits and event streams end. */
  stopping: AbortSignal;
}

const bodyLimit = 1 << 20;

export function createApp(deps: AppDeps): FastifyInstance {
  const { core, admit, stopping } = deps;
  const app = fastify({
    serverFactory: (handler) => createListener(deps, handler),
    bodyLimit,
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
  for (const page of [credentialPage(core), tokenPage(core)]) formPage(app, core.log, deps.checkHost, page);
  void app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => {
      request.caller = await admit(request.raw);
    });
    guarded.setNotFoundHandler((request) => {
      throw pathNotFound(request);
    });
    operationsRoute(guarded, core, stopping);
    eventsRoute(guarded, core, admit, stopping);
    tokensRoute(guarded, core);
    credentialsRoute(guarded, core);
    metricsRoute(guarded, core, deps.metrics);
    mcpRoute(guarded, deps.mcp);
  });
  return app;
}

/** The path of a page is a secret: whoever knows it can open the page. */
function loggedPath({ url, routeOptions }: FastifyRequest): string | undefined {
  return /^[/](?:credentials|tokens)[/]/.test(url) ? (routeOptions.url ?? '/…') : url.split('?')[0];
}

/** The gateway and Slack get their requests before Fastify: they read the bodies themselves. */
function createListener({ gateway, slack }: AppDeps, handler: RequestListener): Server {
  // Uploads through the gateway may take longer than 5 minutes, Node's limit for a request.
  const timeouts = { requestTimeout: 0, keepAliveTimeout: 72_000 };
  return createServer(timeouts, (request, response) => {
    const url = request.url ?? '';
    if (gateway.owns(url)) return void gateway.handle(request, response);
    const listener = url.startsWith('/slack/') ? slack.listener() : undefined;
    return (listener ?? handler)(request, response);
  });
}

function refuseGarbage(_error: Error, socket: Socket): void {
  const error = fail('bad_request', 'This is not an HTTP request that EcoLink can read.', {
    nextStep: 'Check the client.',
  });
  const body = JSON.stringify({ error: error.toBody() });
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}
