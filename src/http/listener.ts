import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { fail } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
import { systemErrorCode } from '../core/base/system-error.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { limitBodyTime, tooSlow } from './body-time.ts';
import type { Timeouts } from './body-time.ts';
import type { ClientAddresses } from './client-address.ts';
import { limitConnections } from './connection-limit.ts';
import type { ConnectionLimits } from './connection-limit.ts';
import type { RequestListener, SlackMount } from './slack-mount.ts';

export interface ListenerDeps {
  gateway: Gateway;
  slack: SlackMount;
  addresses: ClientAddresses;
  limits: ConnectionLimits;
  timeouts: Timeouts;
  log: Log;
}

/** Clients send about ten, and proxies add some. */
const mostHeaders = 200;
/** Longer than the idle time of common load balancers (60 s), so that they close first. */
const keepAliveTimeout = 72_000;

/** The gateway and Slack get their requests before Fastify: they read the bodies themselves. */
export function createListener(deps: ListenerDeps, handler: RequestListener): Server {
  const { gateway, slack, timeouts } = deps;
  const times = {
    // Each request has its own limit below. Node's would also end long uploads to engines.
    requestTimeout: 0,
    headersTimeout: timeouts.headers,
    connectionsCheckingInterval: Math.min(5_000, timeouts.headers),
    keepAliveTimeout,
  };
  const server = createServer(times, (request, response) => {
    const url = request.url ?? '';
    const forGateway = gateway.owns(url);
    limitBodyTime(request, response, forGateway ? undefined : timeouts.body, timeouts.linger);
    if (forGateway) return void gateway.handle(request, response);
    const listener = url.startsWith('/slack/') ? slack.listener() : undefined;
    return (listener ?? handler)(request, response);
  });
  server.maxHeadersCount = mostHeaders;
  limitConnections(server, deps.addresses, deps.limits, deps.log);
  return server;
}

/** Answers what is no HTTP request, or does not become one in time. */
export function refuseGarbage(thrown: Error, socket: Socket): void {
  const { status, error } = refusalFor(systemErrorCode(thrown));
  const body = JSON.stringify({ error: error.toBody() });
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}

function refusalFor(code: string | undefined): { status: string; error: EcolinkError } {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: '408 Request Timeout', error: tooSlow() };
  if (code === 'HPE_HEADER_OVERFLOW') {
    const error = fail('bad_request', 'The headers of the request are larger than 16 KiB.', {
      nextStep: 'Send fewer or shorter headers.',
    });
    return { status: '431 Request Header Fields Too Large', error };
  }
  const error = fail('bad_request', 'This is not an HTTP request that EcoLink can read.', {
    nextStep: 'Check the client.',
  });
  return { status: '400 Bad Request', error };
}
