import { accessSync, constants, existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { connect } from '../client/client.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import { withoutCredentials } from '../core/base/secret-shapes.ts';
import { clientEnvironment, loadConfig } from '../core/config/load.ts';
import { loadConfigStrictly } from './strict-config.ts';
import {
  checkDataFolder,
  checkEngines,
  checkKeys,
  checkRegion,
  checkSandbox,
  checkStore,
  checkTokens,
  checkableRegions,
  lookAtFilesystems,
} from '../core/doctor.ts';
import type { CheckResult } from '../core/doctor.ts';

export interface NamedResult extends CheckResult {
  name: string;
}

/** Each check builds on those before it. None throws, none changes anything. */
export const checks: readonly (() => Promise<NamedResult>)[] = [
  guarded('node', nodeVersion),
  guarded('configuration', configuration),
  guarded('data folder', dataFolder),
  guarded('store', () => checkStore(loadConfig())),
  guarded('keys', () => checkKeys(loadConfig())),
  guarded('tokens', () => checkTokens(loadConfig())),
  guarded('server', server),
  guarded('filesystems', filesystems),
  guarded('hub', hub),
  guarded('engine', () => checkEngines(loadConfig())),
  guarded('sandbox', () => checkSandbox(loadConfig())),
];

/** Checks all regions at once: each check takes as long as a pod needs to start. */
export async function checkRegions(note: (line: string) => void): Promise<NamedResult[]> {
  const config = readConfig();
  const names = config ? checkableRegions(config) : [];
  if (!config || names.length === 0) return [];
  note(
    `Checking ${names.join(', ')} with a small claim and a pod in each. This takes two minutes if they do not start.`,
  );
  const found = await Promise.all(
    names.map(async (name) => (await checkRegion(config, name)).map((result) => ({ name, ...result }))),
  );
  return found.flat();
}

/** Undefined if the configuration cannot be read: its own check says why. */
function readConfig(): ReturnType<typeof loadConfig> | undefined {
  try {
    return loadConfig();
  } catch {
    return undefined;
  }
}

/** An error of a check is its result. */
function guarded(name: string, check: () => CheckResult | Promise<CheckResult>): () => Promise<NamedResult> {
  return async () => {
    try {
      return { name, ...(await check()) };
    } catch (thrown) {
      const said = thrown instanceof Error ? thrown.message : String(thrown);
      return { name, state: 'failed', said, fix: thrown instanceof EcolinkError ? thrown.nextStep : undefined };
    }
  };
}

const neededNode = 24;

function nodeVersion(): CheckResult {
  const version = process.versions.node;
  if (Number(version.split('.')[0]) >= neededNode) return { state: 'ok', said: version };
  const fix = `Install Node ${neededNode} or newer from https://nodejs.org.`;
  return { state: 'failed', said: `${version} is too old.`, fix };
}

function configuration(): CheckResult {
  const { regions, filesystems, runtimes } = loadConfigStrictly();
  const names = regions.map((region) => region.name).join(', ');
  const said = `regions: ${names}; filesystems: ${filesystems.length}; runtimes of your own: ${runtimes.length}`;
  return { state: 'ok', said };
}

function dataFolder(): CheckResult {
  const { dataDir } = loadConfig();
  if (!existsSync(dataDir)) return { state: 'ok', said: `${dataDir} (made at the first start)` };
  if (!statSync(dataDir).isDirectory()) {
    const fix = 'Move it away, or name another in ECOLINK_DATA_DIR.';
    return { state: 'failed', said: `${dataDir} is not a folder.`, fix };
  }
  return checkDataFolder(loadConfig()) ?? usable(dataDir);
}

function usable(dataDir: string): CheckResult {
  accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  const link = lstatSync(dataDir).isSymbolicLink() ? `, a link to ${realpathSync(dataDir)}` : '';
  return { state: 'ok', said: `${dataDir}${link}` };
}

async function server(): Promise<CheckResult> {
  const { dataDir } = loadConfig();
  try {
    const client = await connect({ dataDir, source: 'cli', ...clientEnvironment() });
    return { state: 'ok', said: `runs at ${client.url}` };
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'server_not_running') throw thrown;
    return { state: 'warning', said: 'does not run', fix: say`Start it: ${task('start_server')}` };
  }
}

/** A server that runs is asked: it knows how many of its processes wait for a dead mount. */
async function filesystems(): Promise<CheckResult> {
  const config = loadConfig();
  const client = await connect({ dataDir: config.dataDir, source: 'cli', ...clientEnvironment() }).catch(
    () => undefined,
  );
  const found = client
    ? (await client.call('list_filesystems', { limit: 100 })).items
    : (await lookAtFilesystems(config)).map(({ reason, ...each }) => ({ ...each, reason: reason?.message }));
  const bad = found.filter(({ state }) => state !== 'usable');
  if (bad.length === 0) return { state: 'ok', said: `${found.length} usable` };
  const said = bad.map(({ name, reason }) => `${name}: ${reason ?? 'unusable'}`).join(' ');
  return { state: 'warning', said, fix: 'Mount it, or correct it under "filesystems" in ecolink.yaml.' };
}

async function hub(): Promise<CheckResult> {
  const {
    hub: { endpoint },
    secrets,
  } = loadConfig();
  const address = withoutCredentials(endpoint);
  const signedIn = secrets.hfToken !== undefined;
  const path = signedIn ? '/api/whoami-v2' : '/api/models?limit=1';
  // Redirects are not followed: the token is for this host alone.
  const answer = await fetch(endpoint + path, {
    headers: signedIn ? { authorization: `Bearer ${secrets.hfToken}` } : {},
    redirect: 'manual',
    dispatcher: new EnvHttpProxyAgent(),
    signal: AbortSignal.timeout(8000),
  }).catch(() => undefined);
  await answer?.body?.cancel();
  if (!answer || answer.status >= 500) {
    const fix = 'Check the network and the proxy, or set HF_ENDPOINT. Models on shared filesystems work without it.';
    return { state: 'warning', said: `${address} does not answer`, fix };
  }
  if (answer.status === 401) {
    const fix = 'Make a new token on the Hub, or unset HF_TOKEN.';
    return { state: 'failed', said: `${address} refuses HF_TOKEN`, fix };
  }
  const who = signedIn ? 'HF_TOKEN is good' : 'no HF_TOKEN, so public models only';
  return { state: 'ok', said: `${address} answers; ${who}` };
}
