import { plainWords } from '../core/base/prose.ts';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { loadConfig, clientEnvironment } from '../core/config/load.ts';
import type { Config } from '../core/config/config.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { findCommand } from '../core/runtimes/built-in.ts';
import { isLlamaEngineInstalled } from '../core/runtimes/llama-engine.ts';
import { connect } from '../http/client.ts';

export interface Check {
  name: string;
  state: 'ok' | 'warning' | 'failed';
  said: string;
  fix?: string;
}

/** In the order in which one stands on the other. None throws, none changes anything. */
export const checks: readonly (() => Promise<Check>)[] = [
  nodeVersion,
  guarded('configuration', configuration),
  guarded('data folder', dataFolder),
  guarded('store', store),
  guarded('server', server),
  guarded('hub', hub),
  guarded('engine', engine),
];

const neededNode = 24;

async function nodeVersion(): Promise<Check> {
  const name = 'node';
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= neededNode) return { name, state: 'ok', said: process.versions.node };
  return {
    name,
    state: 'failed',
    said: `${process.versions.node} is too old.`,
    fix: `Install Node ${neededNode} or newer, or: npm install node@${neededNode}`,
  };
}

/** What a check cannot foresee is its finding. */
function guarded(name: string, check: (name: string) => Promise<Check>): () => Promise<Check> {
  return async () => {
    try {
      return await check(name);
    } catch (thrown) {
      if (thrown instanceof EcolinkError)
        return { name, state: 'failed', said: plainText(thrown.message), fix: plainText(plainWords(thrown.nextStep)) };
      return { name, state: 'failed', said: plainText(thrown instanceof Error ? thrown.message : String(thrown)) };
    }
  };
}

async function configuration(name: string): Promise<Check> {
  const { regions, filesystems, runtimes } = loadConfig();
  const names = regions.map((region) => region.name).join(', ');
  const said = `regions: ${names}; filesystems: ${filesystems.length}; runtimes of your own: ${runtimes.length}`;
  return { name, state: 'ok', said };
}

async function dataFolder(name: string): Promise<Check> {
  const { dataDir } = loadConfig();
  if (!existsSync(dataDir)) return { name, state: 'ok', said: `${dataDir} (made at the first start)` };
  if (!statSync(dataDir).isDirectory()) {
    return {
      name,
      state: 'failed',
      said: `${dataDir} is not a folder.`,
      fix: 'Move it away, or name another in ECOLINK_DATA_DIR.',
    };
  }
  accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  return { name, state: 'ok', said: dataDir };
}

export function isStoreMade({ databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>): boolean {
  return databaseUrl !== undefined || existsSync(join(dataDir, 'ecolink.db'));
}

async function store(name: string): Promise<Check> {
  const config = loadConfig();
  if (!isStoreMade(config)) return { name, state: 'ok', said: 'SQLite (made at the first start)' };
  const { openStore } = await import('../core/store/store.ts');
  await using opened = await openStore(config);
  await opened.ping();
  return { name, state: 'ok', said: opened.flavour === 'sqlite' ? 'SQLite answers' : 'PostgreSQL answers' };
}

async function server(name: string): Promise<Check> {
  const { dataDir } = loadConfig();
  try {
    const client = await connect({ dataDir, source: 'cli', ...clientEnvironment() });
    return { name, state: 'ok', said: `runs at ${client.url}` };
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'server_not_running') throw thrown;
    return { name, state: 'warning', said: 'does not run', fix: 'Start it: npm start (or ecolink serve)' };
  }
}

async function hub(name: string): Promise<Check> {
  const { hub, secrets } = loadConfig();
  const offline: Check = {
    name,
    state: 'warning',
    said: `${hub.endpoint} does not answer`,
    fix: 'Check the network and the proxy, or set HF_ENDPOINT. Models on shared filesystems work without it.',
  };
  const headers = secrets.hfToken === undefined ? {} : { authorization: `Bearer ${secrets.hfToken}` };
  const path = secrets.hfToken === undefined ? '/api/models?limit=1' : '/api/whoami-v2';
  // Redirects are not followed: the token is for this host alone.
  const answer = await fetch(hub.endpoint + path, {
    headers,
    redirect: 'manual',
    dispatcher: new EnvHttpProxyAgent(),
    signal: AbortSignal.timeout(8000),
  }).catch(() => undefined);
  await answer?.body?.cancel();
  if (!answer || answer.status >= 500) return offline;
  if (answer.status === 401) {
    return {
      name,
      state: 'failed',
      said: `${hub.endpoint} refuses HF_TOKEN`,
      fix: 'Make a new token at the Hub, or unset HF_TOKEN.',
    };
  }
  return {
    name,
    state: 'ok',
    said: `${hub.endpoint} answers; ${secrets.hfToken === undefined ? 'no HF_TOKEN, so public models only' : 'HF_TOKEN is good'}`,
  };
}

async function engine(name: string): Promise<Check> {
  const { childEnvironment, regions, runtimes } = loadConfig();
  if (regions.every((region) => region.kind !== 'local'))
    return { name, state: 'ok', said: 'none needed here: every region brings images of its own' };
  const path = childEnvironment['PATH'];
  const found = [
    findCommand('llama-server', path) === undefined ? undefined : 'llama-server (PATH)',
    isLlamaEngineInstalled() ? 'node-llama-cpp' : undefined,
    findCommand('vllm', path) === undefined ? undefined : 'vllm (PATH)',
    ...runtimes.map((runtime) => `${runtime.name} (ecolink.yaml)`),
  ].filter((each) => each !== undefined);
  if (found.length > 0) return { name, state: 'ok', said: found.join(', ') };
  return {
    name,
    state: 'failed',
    said: 'nothing here can serve a model',
    fix: 'npm install node-llama-cpp, put llama-server on the PATH, or name a command under "runtimes" in ecolink.yaml.',
  };
}
