import { mkdirSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asEcolinkError, fail } from '../core/base/errors.ts';
import { systemClock } from '../core/base/clock.ts';
import { durationMs } from '../core/base/duration.ts';
import type { Log } from '../core/base/log.ts';
import type { Config } from '../core/config/config.ts';
import { createInFlight, createRoutingTable } from '../core/core.ts';
import type { CallDirectory, RoutingTable } from '../core/core.ts';
import { followServer } from '../gateway/follow-server.ts';
import { createGateway } from '../gateway/gateway.ts';
import { createHeldBytes } from '../gateway/held-bytes.ts';
import { reachableRoutes } from '../gateway/reachable-routes.ts';
import { openRouteKeeper } from '../gateway/route-keeper.ts';
import { defaultTimeouts } from './body-time.ts';
import { createClientAddresses } from './client-address.ts';
import { createFailureLimit } from './failure-limit.ts';
import { createGatekeeper } from './gatekeeper.ts';
import type { Admit } from './gatekeeper.ts';
import { createHostCheck } from './host-check.ts';
import { createListener, refuseGarbage } from './listener.ts';
import { listen, stopListening } from './listening.ts';
import { createMetrics } from './metrics.ts';
import { ownVersion } from '../core/config/version.ts';

export interface GatewayProcessOptions {
  config: Pick<Config, 'gateway' | 'http' | 'host' | 'allowedHosts'>;
  port: number;
  log: Log;
  /** The server's: what it did not sign counts as absent. */
  publicKey: KeyObject;
  credential: () => string;
  serverUrl: () => Promise<string | undefined>;
  /** Where the routes are kept. */
  folder: string;
  /** True if the gateway runs on the server's machine, and so reaches addresses on its loopback. */
  besideServer: boolean;
}

export interface GatewayProcess {
  url: string;
  /** Refuses new calls, and waits for open ones as long as the configuration says. */
  close(): Promise<void>;
}

const mib = 1024 ** 2;

/** A gateway without database and cluster: it works from what the server last said. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const { config, log } = options;
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const table = createRoutingTable({ clock: systemClock, staleAfterMs: durationMs(config.gateway.stale_after) });
  const { folder, publicKey } = options;
  const keeper = openRouteKeeper({ folder, publicKey, table, log, now: () => performance.now() });
  const uses = new Set<string>();
  const directory = directoryOf(table, options.besideServer, (token) => uses.add(token));
  const metrics = createMetrics();
  const addresses = createClientAddresses(config.http.trusted_proxies);
  const failures = createFailureLimit({ perMinute: config.http.failures_per_minute, now: () => performance.now() });
  const checkHost = createHostCheck(config.host, config.allowedHosts);
  const admit = createGatekeeper({ access: directory, checkHost, addresses, failures });
  const gateway = createGateway({
    core: { routes: directory.routes, inFlight: createInFlight(), log },
    admit,
    held: createHeldBytes({ perToken: config.http.bodies_per_token_mib * mib, total: config.http.bodies_mib * mib }),
    limits: { limitBytes: config.http.body_mib * mib, progressMs: defaultTimeouts.progress },
    observer: metrics.gateway,
  });
  const stopping = new AbortController();
  const own = ownPaths(table, admit, metrics, () => stopping.signal.aborted);
  const parts = { gateway, slack: { listener: () => undefined, close: async () => {} }, addresses, log };
  const server = createListener({ ...parts, limits: config.http, timeouts: defaultTimeouts }, own);
  server.on('clientError', refuseGarbage);
  const url = await listen(server, config.host, options.port);
  const { credential, serverUrl } = options;
  const takeUses = (): string[] => {
    const taken = [...uses];
    uses.clear();
    return taken;
  };
  const following = followServer({ serverUrl, credential, keeper, takeUses, log, signal: stopping.signal });
  log.info({ url }, 'the gateway listens');
  return {
    url,
    async close() {
      const graceMs = durationMs(config.gateway.drain);
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await stopListening(server, Promise.all([closed, gateway.close(graceMs)]), graceMs);
      await following;
    },
  };
}

function directoryOf(table: RoutingTable, besideServer: boolean, used: (token: string) => void): CallDirectory {
  return {
    routes: besideServer ? table.routes : reachableRoutes(table.routes),
    async callerOfToken(token, source) {
      const caller = table.callerOfToken(token, source);
      if (caller?.identity.startsWith('token:')) used(caller.identity.slice('token:'.length));
      return caller;
    },
  };
}

type Metrics = ReturnType<typeof createMetrics>;

/** What a gateway answers besides calls: probes, and metrics for who may read. */
function ownPaths(table: RoutingTable, admit: Admit, { registry }: Metrics, stopping: () => boolean) {
  const answer = async (request: IncomingMessage): Promise<{ type: string; text: string }> => {
    const path = request.url?.split('?')[0] ?? '';
    if (request.method === 'GET' && path === '/healthz')
      return json({ status: 'ok', service: 'ecolink-gateway', version: ownVersion() });
    if (request.method === 'GET' && path === '/readyz') {
      table.needFresh();
      if (stopping()) throw fail('shutting_down', 'The gateway is stopping.', { nextStep: 'Call another one.' });
      return json({ status: 'ready' });
    }
    const caller = await admit(request);
    if (request.method === 'GET' && path === '/metrics') {
      if (!caller.scopes.includes('read') && !caller.scopes.includes('operate'))
        throw fail('scope_missing', 'This token may not read metrics.', {
          nextStep: 'Use a token with the scope "read".',
        });
      return { type: registry.contentType, text: await registry.metrics() };
    }
    throw fail('path_not_found', 'There is nothing at this path of the gateway.', {
      nextStep: 'Models are at /v1, instances at /instances/<id>/proxy. Everything else is at the server.',
    });
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    answer(request).then(
      ({ type, text }) => response.writeHead(200, { 'content-type': type }).end(text),
      (thrown: unknown) => {
        const error = asEcolinkError(thrown, '-');
        response
          .writeHead(error.httpStatus, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: error.toBody() }));
      },
    );
  };
}

function json(value: object): { type: string; text: string } {
  return { type: 'application/json', text: JSON.stringify(value) };
}
