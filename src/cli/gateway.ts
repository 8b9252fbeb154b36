import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readServerFile } from '../client/data-folder.ts';
import { fail } from '../core/base/errors.ts';
import { createLog } from '../core/base/log.ts';
import { say, task } from '../core/base/prose.ts';
import type { Config } from '../core/config/config.ts';
import { clientEnvironment, loadConfig } from '../core/config/load.ts';
import { gatewayFiles, readPublicKey } from '../core/core.ts';
import { startGatewayProcess } from '../http/gateway-process.ts';
import type { GatewayProcessOptions } from '../http/gateway-process.ts';
import { stopSignal } from './stop-signal.ts';
import type { Terminal } from './output/terminal.ts';

/** How often a gateway beside its server looks whether the data folder is still there. */
const lookMs = 5_000;

/** Runs a gateway until a signal. Throws `gateway_not_set_up`. */
export async function gateway(terminal: Terminal): Promise<void> {
  const stop = stopSignal();
  const config = loadConfig();
  const log = createLog({ level: config.logLevel, pretty: config.logPretty });
  const options = { config, log, port: gatewayPort(config), ...trustOf(config) };
  const started = await startGatewayProcess(options);
  if (options.besideServer) noteProcess(config.dataDir, started.url);
  terminal.out(`EcoLink's gateway runs at ${started.url}/v1. Ctrl-C stops it.`);
  const end = await Promise.race([stop, ...(options.besideServer ? [folderGone(options.folder)] : [])]);
  terminal.err(`${end}: stopping. Open calls may take up to ${config.gateway.drain}. Another signal stops at once.`);
  await started.close();
}

export function gatewayPort({ gateway: { port }, port: serverPort }: Config): number {
  if (port !== undefined) return port;
  return serverPort === 0 ? 0 : serverPort + 1;
}

type Trust = Pick<GatewayProcessOptions, 'publicKey' | 'credential' | 'serverUrl' | 'folder' | 'besideServer'>;

/** From the environment, for a gateway on another machine; otherwise from the server's data folder. */
function trustOf({ dataDir, secrets }: Config): Trust {
  const files = gatewayFiles(dataDir);
  const { publicKey, credential } = secrets.gateway;
  const { url } = clientEnvironment();
  if (publicKey !== undefined && credential !== undefined && url !== undefined) {
    return {
      publicKey: readKey(publicKey),
      credential: () => credential,
      serverUrl: async () => url,
      folder: files.state,
      besideServer: false,
    };
  }
  if (!existsSync(files.publicKey)) throw notSetUp(files.publicKey);
  return {
    publicKey: readKey(readFileSync(files.publicKey, 'utf8')),
    credential: () => readFileSync(files.credential, 'utf8').trim(),
    serverUrl: async () => (await readServerFile(dataDir))?.url,
    folder: files.state,
    besideServer: true,
  };
}

function readKey(pem: string) {
  try {
    return readPublicKey(pem);
  } catch (cause) {
    throw fail('gateway_not_set_up', 'The public key of the server cannot be read: it is no Ed25519 key in PEM.', {
      nextStep: 'Set ECOLINK_GATEWAY_PUBLIC_KEY to the public key or the certificate of the server.',
      cause,
    });
  }
}

function notSetUp(path: string): Error {
  return fail('gateway_not_set_up', `A gateway needs the public key of its server, and ${path} does not exist.`, {
    nextStep: say`On the server's machine: ${task('start_server')}, which makes it. Elsewhere, set ECOLINK_URL, ECOLINK_GATEWAY_CREDENTIAL and ECOLINK_GATEWAY_PUBLIC_KEY.`,
  });
}

/** A gateway whose data folder was deleted serves nobody. */
function folderGone(folder: string): Promise<string> {
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (existsSync(folder)) return;
      clearInterval(look);
      resolve('The data folder is gone');
    }, lookMs);
    look.unref();
  });
}

function noteProcess(dataDir: string, url: string): void {
  const path = gatewayProcessPath(dataDir);
  writeFileSync(path, JSON.stringify({ url, pid: process.pid }), { mode: 0o600 });
}

/** The file in which a gateway beside its server says where it listens. */
export function gatewayProcessPath(dataDir: string): string {
  return join(gatewayFiles(dataDir).folder, 'process.json');
}
