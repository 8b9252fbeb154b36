import { removeServerFile, writeServerFile } from '../client/data-folder.ts';
import type { Core } from '../core/core.ts';
import { createGateway } from '../gateway/gateway.ts';
import { createHeldBytes } from '../gateway/held-bytes.ts';
import { createMcpHttp } from '../mcp/http.ts';
import { createApp } from './app.ts';
import type { AppDeps } from './app.ts';
import { defaultTimeouts } from './body-time.ts';
import type { Timeouts } from './body-time.ts';
import { createClientAddresses } from './client-address.ts';
import { createFailureLimit } from './failure-limit.ts';
import { createGatekeeper } from './gatekeeper.ts';
import { createHostCheck } from './host-check.ts';
import { listenOnSocket } from './local-socket.ts';
import { listenError, stopListening, urlOf } from './listening.ts';
import { createMetrics } from './metrics.ts';
import { mountSlack } from './slack-mount.ts';
import { ownVersion } from '../core/config/version.ts';

const mib = 1024 ** 2;

export interface ServerOptions {
  /** The three default to the core's config. Port 0 takes a free one. */
  host?: string;
  port?: number;
  dataDir?: string;
  /** How long `close` waits for requests in flight, in milliseconds. */
  graceMs?: number;
  timeouts?: Timeouts;
}

export interface Server extends AsyncDisposable {
  /** The address for clients on this machine. */
  url: string;
  /** Safe to call twice. It does not close the core. */
  close(): Promise<void>;
}

/** Starts everything that listens. Throws `port_in_use`, `port_not_allowed`, `host_not_here`, and errors of Slack's tokens. */
export async function startServer(core: Core, options: ServerOptions = {}): Promise<Server> {
  const { host = core.config.host, port = core.config.port, dataDir = core.config.dataDir } = options;
  const { graceMs = 5_000, timeouts = defaultTimeouts } = options;
  const stopping = new AbortController();
  await using undo = new AsyncDisposableStack();
  const deps = await createDeps(core, { host, timeouts, stopping: stopping.signal }, undo);
  const app = createApp(deps);
  await app.ready();
  const local = await listenOnSocket(app.server, dataDir);
  undo.defer(async () => {
    stopping.abort();
    await stopListening(app.server, Promise.all([app.close(), local.close(), deps.gateway.close(graceMs)]), graceMs);
  });
  await app.listen({ host, port }).catch((thrown: unknown) => {
    throw listenError(thrown, host, port);
  });
  const url = urlOf(app.server.address());
  core.listensAt(url);
  const file = { url, pid: process.pid, started_at: new Date().toISOString(), socket: local.path };
  await writeServerFile(dataDir, file);
  undo.defer(() => removeServerFile(dataDir, file));
  core.log.info({ url }, 'listening');
  const everything = undo.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= everything.disposeAsync());
  return { url, close, [Symbol.asyncDispose]: close };
}

interface DepsOptions {
  host: string;
  timeouts: Timeouts;
  stopping: AbortSignal;
}

/** `undo` gets the steps that end each of them. */
async function createDeps(
  core: Core,
  { host, timeouts, stopping }: DepsOptions,
  undo: AsyncDisposableStack,
): Promise<AppDeps> {
  const { http, allowedHosts } = core.config;
  const metrics = createMetrics();
  undo.defer(() => metrics.registry.clear());
  core.observe((...call) => metrics.operation(...call));
  const checkHost = createHostCheck(host, allowedHosts);
  const addresses = createClientAddresses(http.trusted_proxies);
  const failures = createFailureLimit({ perMinute: http.failures_per_minute, now: () => performance.now() });
  const admit = createGatekeeper({ access: core.access, checkHost, addresses, failures });
  const admitCall = createGatekeeper({ access: core, checkHost, addresses, failures });
  const held = createHeldBytes({ perToken: http.bodies_per_token_mib * mib, total: http.bodies_mib * mib });
  const limits = { limitBytes: http.body_mib * mib, progressMs: timeouts.progress };
  const gateway = createGateway({ core, admit: admitCall, held, limits, observer: metrics.gateway });
  const mcp = undo.use(createMcpHttp({ core, version: ownVersion(), stopping }));
  const slack = await mountSlack(core);
  undo.defer(() => slack.close());
  return { core, admit, checkHost, addresses, failures, held, timeouts, metrics, gateway, mcp, slack, stopping };
}
