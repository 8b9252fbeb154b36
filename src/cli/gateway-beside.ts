import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseJson } from '../core/base/parse-json.ts';
import type { Log } from '../core/base/log.ts';
import type { Config } from '../core/config/config.ts';
import { gatewayFiles } from '../core/core.ts';
import { ownVersion } from '../core/config/version.ts';
import { gatewayProcessPath } from './gateway.ts';

const noted = z.object({ url: z.url(), pid: z.int().positive() });
const health = z.object({ service: z.literal('ecolink-gateway'), version: z.string() });

/**
 * Starts a gateway on the server's machine, as a process that outlives the server: calls go on while it is away. A gateway
 * of an earlier server is kept if it has the same version. Returns the function that ends it with the server, if its
 * replicas end too.
 */
export async function startGatewayBeside(config: Config, log: Log): Promise<() => void> {
  if (!(config.gateway.start ?? (!config.singleUser && config.secrets.gateway.credential === undefined)))
    return () => {};
  const running = await runningGateway(config.dataDir);
  if (running?.version === ownVersion()) return () => endGateway(config, running.pid);
  // It stops listening at once and finishes its open calls.
  if (running) signalTo(running.pid);
  const file = join(gatewayFiles(config.dataDir).folder, 'gateway.log');
  const output = openSync(file, 'a', 0o600);
  const program = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [program, 'gateway'], {
    detached: true,
    stdio: ['ignore', output, output],
    env: gatewayEnvironment(config),
  });
  closeSync(output);
  child.once('error', (err) => log.warn({ err }, 'the gateway could not be started; the server answers calls itself'));
  child.once('exit', (status) => {
    if (status !== 0) log.warn({ status, log: file }, 'the gateway has ended; the server answers calls itself');
  });
  child.unref();
  return () => {
    if (child.pid !== undefined && child.exitCode === null) endGateway(config, child.pid);
  };
}

/** No secret of the server: not its database, its keys, the Hub's token or Slack's. */
function gatewayEnvironment(config: Config): NodeJS.ProcessEnv {
  const [file, ...others] = config.files;
  return {
    ...config.childEnvironment,
    ECOLINK_DATA_DIR: config.dataDir,
    ECOLINK_CONFIG: others.length === 0 ? file : undefined,
    ECOLINK_HOST: config.host,
    ECOLINK_PORT: String(config.port),
    ECOLINK_ALLOWED_HOSTS: config.allowedHosts.join(','),
    ECOLINK_LOG_LEVEL: config.logLevel,
    ECOLINK_SINGLE_USER: String(config.singleUser),
  };
}

/** Replicas of other regions run on without the server, so their gateway stays too. */
function endGateway({ regions }: Config, pid: number): void {
  if (regions.every(({ kind }) => kind === 'local')) signalTo(pid);
}

function signalTo(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

async function runningGateway(dataDir: string): Promise<{ pid: number; version: string } | undefined> {
  try {
    const { url, pid } = noted.parse(parseJson(readFileSync(gatewayProcessPath(dataDir), 'utf8')));
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1000) });
    return { pid, version: health.parse(await answer.json()).version };
  } catch {
    return undefined;
  }
}
