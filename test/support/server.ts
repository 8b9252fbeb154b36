import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../../src/core/base/caller.ts';
import { loadConfig } from '../../src/core/config/load.ts';
import type { Core } from '../../src/core/core.ts';
import { createCore } from '../../src/core/create-core.ts';
import type { Routes } from '../../src/core/routing/routes.ts';
import { createLog } from '../../src/core/base/log.ts';
import type { Log } from '../../src/core/base/log.ts';
import { readLocalToken } from '../../src/client/data-folder.ts';
import { defaultTimeouts } from '../../src/http/body-time.ts';
import type { Timeouts } from '../../src/http/body-time.ts';
import { startServer } from '../../src/http/server.ts';
import type { Server } from '../../src/http/server.ts';

/** `duplex` is what `fetch` demands for a body whose length is not known. */
export type TestRequest = Omit<RequestInit, 'headers'> & { headers?: Record<string, string>; duplex?: 'half' };

export interface TestServer extends AsyncDisposable {
  url: string;
  core: Core;
  dataDir: string;
  localToken: string;
  server: Server;
  /** A new token of the local person. */
  token(...scopes: Scope[]): Promise<string>;
  /** With the local token unless `init.headers` says otherwise. */
  fetch(path: string, init?: TestRequest): Promise<Response>;
}

export interface TestServerOptions {
  /** In place of the core's own: for tests whose replicas are servers of the test. */
  routes?: Routes;
  host?: string;
  graceMs?: number;
  /** Milliseconds, in place of the usual ones: for tests of requests that do not end. */
  timeouts?: Partial<Timeouts>;
  /** The text of `ecolink.yaml`. */
  config?: string;
  environment?: Record<string, string>;
  /** Where the data folder is made. */
  parent?: string;
  /** Nothing is logged without it. */
  log?: Log;
  /** Puts files into the data folder before anything reads it. */
  prepare?: (dataDir: string) => Promise<void>;
}

/** The real server over the real core, on a free port and a data folder of its own. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  await using undo = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(options.parent ?? tmpdir(), 'ecolink-http-'));
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  await options.prepare?.(dataDir);
  if (options.config !== undefined) await writeFile(join(dataDir, 'ecolink.yaml'), options.config);
  const config = loadConfig({ ECOLINK_DATA_DIR: dataDir, ECOLINK_PORT: '0', ...options.environment });
  const log = options.log ?? createLog({ level: 'silent', pretty: false });
  const core = undo.use(await createCore(config, log, { reconcile: false }));
  const offered: Core = options.routes ? { ...core, routes: options.routes } : core;
  const host = options.host === undefined ? {} : { host: options.host };
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const server = undo.use(await startServer(offered, { graceMs: options.graceMs ?? 0, timeouts, ...host }));
  const localToken = (await readLocalToken(dataDir)) ?? '';
  let made = 0;
  const everything = undo.move();
  return {
    url: server.url,
    core,
    dataDir,
    localToken,
    server,
    token: async (...scopes) =>
      (await core.access.createToken(await core.access.local(), `made-${++made}`, scopes)).token,
    fetch: (path, init = {}) =>
      fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${localToken}`, ...init.headers } }),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}
