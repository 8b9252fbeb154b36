import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Core } from '../core/core.ts';
import { fail } from '../core/base/errors.ts';
import { createGateway } from '../gateway/gateway.ts';
import { createMcpHttp } from '../mcp/http.ts';
import { createApp } from './app.ts';
import type { AppDeps } from './app.ts';
import { removeServerFile, writeServerFile } from './data-folder.ts';
import { createGatekeeper } from './gatekeeper.ts';
import { createHostCheck } from './host-check.ts';
import { createMetrics } from './metrics.ts';
import { mountSlack } from './slack-mount.ts';
import { ownVersion } from './version.ts';

export interface ServerOptions {
  /** The three default to the core's config. Port 0 takes a free one. */
  host?: string;
  port?: number;
  dataDir?: string;
  /** How long `close` lets what is being answered finish, in milliseconds. */
  graceMs?: number;
}

export interface Server extends AsyncDisposable {
  /** Where clients on this machine reach it. */
  url: string;
  /** Safe to call twice. The core stays open: it belongs to whoever made it. */
  close(): Promise<void>;
}

/** Starts everything that listens. Throws `port_in_use`, `host_not_here` and what Slack says of its tokens. */
export async function startServer(core: Core, options: ServerOptions = {}): Promise<Server> {
  const { host = core.config.host, port = core.config.port, dataDir = core.config.dataDir, graceMs = 5_000 } = options;
  const stopping = new AbortController();
  await using undo = new AsyncDisposableStack();
  const deps = await makeParts(core, host, stopping.signal, undo);
  const app = createApp(deps);
  undo.defer(async () => {
    stopping.abort();
    await stopListening(app.server, Promise.all([app.close(), deps.gateway.close(graceMs)]), graceMs);
  });
  await app.listen({ host, port }).catch((thrown: unknown) => {
    throw listenError(thrown, host, port);
  });
  const url = urlOf(app.server.address() as AddressInfo);
  core.listensAt(url);
  const file = { url, pid: process.pid, started_at: new Date().toISOString() };
  await writeServerFile(dataDir, file);
  undo.defer(() => removeServerFile(dataDir, file));
  core.log.info({ url }, 'listening');
  const everything = undo.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= everything.disposeAsync());
  return { url, close, [Symbol.asyncDispose]: close };
}

/** Lets what is being answered finish, within the grace, and then cuts. */
async function stopListening(server: HttpServer, finished: Promise<unknown>, graceMs: number): Promise<void> {
  // A kept-alive connection counts as open for a minute after its last answer.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await Promise.race([finished, delay(graceMs, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
  await finished;
}

/** What the listener is made of; `undo` gets what ends each again. */
async function makeParts(
  core: Core,
  host: string,
  stopping: AbortSignal,
  undo: AsyncDisposableStack,
): Promise<AppDeps> {
  const metrics = createMetrics();
  undo.defer(() => metrics.registry.clear());
  core.observe(metrics.operation);
  const admit = createGatekeeper(core.access, host, core.config.allowedHosts);
  const gateway = createGateway({ core, admit, observer: metrics.gateway });
  const mcp = undo.use(createMcpHttp({ core, version: ownVersion() }));
  const slack = await mountSlack(core);
  undo.defer(() => slack.close());
  const checkHost = createHostCheck(host, core.config.allowedHosts);
  return { core, admit, checkHost, metrics, gateway, mcp, slack, stopping };
}

/** The address that clients on this machine use: a wildcard address is none. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (family === 'IPv6') return `http://[${address === '::' ? '::1' : address}]:${port}`;
  return `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`;
}

function listenError(thrown: unknown, host: string, port: number): unknown {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return fail('port_in_use', `Port ${port} on ${host} is in use by another program.`, {
        nextStep: `Choose another with ECOLINK_PORT (ECOLINK_PORT=${port === 65535 ? 7420 : port + 1}), or stop the other program.`,
        cause: thrown,
      });
    case 'EACCES':
      return fail('port_not_allowed', `This account may not listen on port ${port}.`, {
        nextStep: 'Choose a port above 1023 with ECOLINK_PORT.',
        cause: thrown,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return fail('host_not_here', `${host} is not an address of this machine.`, {
        nextStep: 'Set ECOLINK_HOST to 127.0.0.1, or to 0.0.0.0 for all addresses.',
        cause: thrown,
      });
    default:
      return thrown;
  }
}
