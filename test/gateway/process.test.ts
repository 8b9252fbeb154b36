import { createPrivateKey } from 'node:crypto';
import { appendFile, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/base/clock.ts';
import { createLog } from '../../src/core/base/log.ts';
import { createRoutingTable, gatewayFiles, readPublicKey } from '../../src/core/core.ts';
import type { FeedMessage } from '../../src/core/core.ts';
import { signMessage } from '../../src/core/routing/signed-message.ts';
import { openRouteKeeper } from '../../src/gateway/route-keeper.ts';
import { startGatewayProcess } from '../../src/http/gateway-process.ts';
import type { GatewayProcessOptions } from '../../src/http/gateway-process.ts';
import { echo, startEngine } from '../support/engine.ts';
import { startLiveServer } from './live-server.ts';
import type { LiveServer } from './live-server.ts';
import { refusalIn } from './answers.ts';

const log = createLog({ level: 'silent', pretty: false });
let server: LiveServer;
let engine: Awaited<ReturnType<typeof startEngine>>;
let folders: string;

beforeAll(async () => {
  engine = await startEngine(echo);
  server = await startLiveServer();
  folders = await mkdtemp(join(tmpdir(), 'ecolink-gateway-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await rm(folders, { recursive: true, force: true });
});

let made = 0;
const newFolder = (): string => join(folders, `gateway-${++made}`);

async function startGateway(of: LiveServer, options: Partial<GatewayProcessOptions> = {}) {
  const folder = options.folder ?? newFolder();
  // The server makes the keys when it is first asked.
  of.core.routingFeed.admits('');
  const files = gatewayFiles(of.dataDir);
  const credential = (await readFile(files.credential, 'utf8')).trim();
  const started = await startGatewayProcess({
    config: of.core.config,
    port: 0,
    log,
    publicKey: readPublicKey(await readFile(files.publicKey, 'utf8')),
    credential: () => credential,
    serverUrl: async () => of.url,
    folder,
    besideServer: true,
    ...options,
  });
  return {
    folder,
    url: started.url,
    call: (model: string, token = of.localToken): Promise<Response> =>
      fetch(`${started.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ model, prompt: 'hello' }),
      }),
    ready: () => fetch(`${started.url}/readyz`).then(({ status }) => status),
    [Symbol.asyncDispose]: () => started.close(),
  };
}

test('a gateway follows launches, replicas, stops, tokens and their revocation', async () => {
  await using gateway = await startGateway(server);
  const model = await server.launch([engine.url]);
  const instance = Number(model.split(':')[1]);
  const status = async (token?: string) => (await gateway.call(model, token)).status;
  await expect.poll(() => status()).toBe(200);
  await server.replicas(instance, []);
  await expect.poll(() => status()).toBe(503);
  await server.replicas(instance, [engine.url]);
  await expect.poll(() => status()).toBe(200);
  const { token, summary } = await server.core.access.createToken(await server.core.access.local(), 'app', ['call']);
  await expect.poll(() => status(token)).toBe(200);
  await server.core.access.revokeToken(summary.id);
  await expect.poll(() => status(token)).toBe(401);
  await server.stop(instance);
  await expect.poll(() => status()).toBe(404);
  expect(refusalIn(await (await gateway.call(model)).text()).message).toContain('is stopped');
});

test('another person’s private instance does not exist at a gateway either, and a token without the scope calls nothing', async () => {
  await using gateway = await startGateway(server);
  const model = await server.launch([engine.url], { private: true, owner: 'ada' });
  await expect.poll(async () => (await gateway.call(model)).status).toBe(200);
  const reader = await server.token('read');
  await expect.poll(async () => (await gateway.call(model, reader)).status).toBe(403);
  expect((await gateway.call(model, 'eco_unknown')).status).toBe(401);
});

test('calls go on while the server is away, after a restart of the gateway too, until the routes are stale', async () => {
  await using away = await startLiveServer('gateway: { stale_after: 30m }\n');
  const model = await away.launch([engine.url]);
  const folder = newFolder();
  {
    await using gateway = await startGateway(away, { folder });
    await expect.poll(async () => (await gateway.call(model)).status).toBe(200);
    await away.server.close();
    expect((await gateway.call(model)).status).toBe(200);
  }
  {
    await using again = await startGateway(away, { folder });
    expect((await again.call(model)).status).toBe(200);
    expect(await again.ready()).toBe(200);
  }
  // Half an hour later, as the table sees it.
  const later = { now: () => new Date(Date.now() + 31 * 60_000) };
  const table = createRoutingTable({ clock: later, staleAfterMs: 30 * 60_000 });
  const publicKey = readPublicKey(await readFile(gatewayFiles(away.dataDir).publicKey, 'utf8'));
  openRouteKeeper({ folder, publicKey, table, log, now: () => 0 });
  expect(() => table.callerOfToken(away.localToken, 'http')).toThrow(/has not heard from the server/);
  await using empty = await startGateway(away);
  expect(await empty.ready()).toBe(503);
  const refused = await empty.call(model);
  expect([refused.status, refusalIn(await refused.text()).code]).toEqual([503, 'routes_stale']);
});

test('what a gateway keeps is for its account only, and holds no token', async () => {
  await using gateway = await startGateway(server);
  await expect.poll(gateway.ready).toBe(200);
  const names = await readdir(gateway.folder);
  expect(names).toContain('routes');
  for (const name of names) {
    const path = join(gateway.folder, name);
    expect((await stat(path)).mode & 0o077).toBe(0);
    expect(await readFile(path, 'utf8')).not.toContain(server.localToken);
  }
});

test('only the credential of gateways opens the routes, and a token opens them to nobody', async () => {
  for (const token of [server.localToken, 'eco_gateway_made_up']) {
    const answer = await server.fetch('/gateways/routes', { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
  }
  const credential = (await readFile(gatewayFiles(server.dataDir).credential, 'utf8')).trim();
  const asToken = await server.fetch('/api/operations', { headers: { authorization: `Bearer ${credential}` } });
  expect(asToken.status).toBe(401);
});

test('a gateway on another machine says which regions only the server reaches', async () => {
  await using gateway = await startGateway(server, { besideServer: false });
  const model = await server.launch([engine.url]);
  await expect.poll(async () => refusalIn(await (await gateway.call(model)).text()).code).toBe('region_through_server');
});

test('older routes, unsigned ones and those of another store are refused, after a restart too', async () => {
  const signingKey = createPrivateKey(await readFile(gatewayFiles(server.dataDir).signingKey));
  const publicKey = readPublicKey(await readFile(gatewayFiles(server.dataDir).publicKey, 'utf8'));
  const folder = newFolder();
  const open = () => {
    const table = createRoutingTable({ clock: systemClock, staleAfterMs: 60_000 });
    return { table, keeper: openRouteKeeper({ folder, publicKey, table, log, now: () => 0 }) };
  };
  const message = (number: number, after: number | null, name: string, store = 's'): FeedMessage => {
    const at = new Date().toISOString();
    return { store, number, after, at, set: { 'person:ada': JSON.stringify({ name, role: 'admin' }) }, delete: [] };
  };
  const line = (...about: Parameters<typeof message>): string => signMessage(message(...about), signingKey);
  const first = open();
  expect(first.keeper.take(line(5, null, 'five'))).toBe('taken');
  expect(first.keeper.take(line(7, 6, 'seven'))).toBe('gap');
  expect(first.keeper.take(line(6, 5, 'six'))).toBe('taken');
  for (const { keeper, table } of [first, open()]) {
    expect(keeper.number()).toBe(6);
    expect(keeper.take(line(5, null, 'five'))).toBe('refused');
    expect(keeper.take(line(9, null, 'other', 'another store'))).toBe('refused');
    expect(keeper.take(line(7, 6, 'seven').replace('seven', 'SEVEN'))).toBe('refused');
    expect(table.entries().get('person:ada')).toContain('six');
  }
  // What somebody wrote into the file counts as absent, with all after it.
  await appendFile(
    join(folder, 'routes'),
    `${line(7, 6, 'seven').replace('seven', 'SEVEN')}\n${line(8, 7, 'eight')}\n`,
  );
  expect(open().keeper.number()).toBe(6);
  await writeFile(join(folder, 'routes'), 'rubbish\n');
  expect(open().keeper.number()).toBeUndefined();
});

test('a gateway that was away gets what it missed, and of two with different states each serves its own', async () => {
  const model = await server.launch([engine.url]);
  const folder = newFolder();
  {
    await using gateway = await startGateway(server, { folder });
    await expect.poll(async () => (await gateway.call(model)).status).toBe(200);
  }
  const next = await server.launch([engine.url]);
  // It cannot reach the server.
  await using old = await startGateway(server, { folder, serverUrl: async () => undefined });
  await using present = await startGateway(server);
  await expect.poll(async () => (await present.call(next)).status).toBe(200);
  expect((await old.call(model)).status).toBe(200);
  expect((await old.call(next)).status).toBe(404);
  await using back = await startGateway(server, { folder: newFolder() });
  await expect.poll(async () => (await back.call(next)).status).toBe(200);
});
