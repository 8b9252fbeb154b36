import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { randomId } from './base/ids.ts';
import { createLog } from './base/log.ts';
import { findFileProblems, findFolderProblems } from './base/private-folder.ts';
import type { PrivacyProblem } from './base/private-folder.ts';
import { say, task } from './base/prose.ts';
import type { Config } from './config/config.ts';
import { localRegion } from './config/local-region.ts';
import { kubernetesRegion } from './config/kubernetes-region.ts';
import { mountPath } from './region/filesystems.ts';
import type { RegionFilesystem } from './region/region.ts';
import type { ClusterAdmin, NewRegion } from './regions/kubernetes/doctor/add-region.ts';
import type { CheckResult } from './regions/kubernetes/doctor/check-result.ts';
import type { Mechanism } from './regions/local/sandbox/mechanism.ts';
import { findCommand } from './runtimes/built-in.ts';
import { isLlamaEngineInstalled } from './runtimes/llama-engine.ts';

/*
 * The work of commands that need no server and are no operations: they check a setup, bring the store up to date, and
 * prepare a region. Like create-core.ts, this file knows many rooms. It loads the large ones only if they are needed.
 */

export { checkCredentialName } from './access/credentials/credential-manager.ts';
export type { CheckResult, NewRegion };

/** Opens the store, which applies the missing migrations. Returns the kind of database. */
export async function migrateStore(config: Config): Promise<'sqlite' | 'postgres'> {
  const { openStore } = await import('./store/store.ts');
  await using store = await openStore(config);
  await store.ping();
  return store.flavour;
}

/** Creates nothing: a store that does not exist yet is no problem. */
export async function checkStore(config: Config): Promise<CheckResult> {
  if (!isStoreMade(config)) return { state: 'ok', said: 'SQLite (made at the first start)' };
  const flavour = await migrateStore(config);
  return { state: 'ok', said: flavour === 'sqlite' ? 'SQLite answers' : 'PostgreSQL answers' };
}

/** Says why other accounts can read or change the data folder. Undefined if none can. */
export function checkDataFolder({ dataDir, singleUser }: Config): CheckResult | undefined {
  return privacyResult(findFolderProblems(dataDir, { singleUser }));
}

/** The keys must be there if the store needs them, and for this account alone. */
export async function checkKeys(config: Config): Promise<CheckResult> {
  const { singleUser, secrets } = config;
  const sources = [secrets.key, secrets.auditKey];
  const files = sources.flatMap(({ value, file }) => (value === undefined ? [file] : []));
  const open = privacyResult(files.flatMap((file) => findFileProblems(file, { singleUser })));
  if (open || !isStoreMade(config)) return open ?? { state: 'ok', said: 'none is needed yet' };
  const { openStore } = await import('./store/store.ts');
  const { openKeyRing } = await import('./secrets/ring.ts');
  const { needAuditKey } = await import('./audit/key.ts');
  await using store = await openStore(config);
  const log = createLog({ level: 'silent', pretty: false });
  await openKeyRing({ store, source: secrets.key, log, now: () => systemClock.now() });
  await needAuditKey(secrets.auditKey, store);
  return { state: 'ok', said: 'the keys fit the store' };
}

/** What the next start of the server repairs by itself is no failure. */
function privacyResult(problems: readonly PrivacyProblem[]): CheckResult | undefined {
  const [first, ...others] = problems.toSorted(
    (a, b) => Number(a.repair !== undefined) - Number(b.repair !== undefined),
  );
  if (!first) return undefined;
  const more = others.length === 0 ? '' : ` There are ${others.length} more of this kind: ${pathsOf(others)}.`;
  const repaired = first.repair === undefined ? '' : ' The next start of the server repairs it.';
  return {
    state: first.repair === undefined ? 'failed' : 'warning',
    said: `${first.said}${repaired}${more}`,
    fix: `Run: ${[first, ...others].map(({ mend }) => mend).join(' && ')}`,
  };
}

function pathsOf(problems: readonly PrivacyProblem[]): string {
  return problems.map(({ path }) => path).join(', ');
}

/** Lists the tokens that never expire: they are from before tokens expired. */
export async function checkTokens(config: Config): Promise<CheckResult> {
  if (!isStoreMade(config)) return { state: 'ok', said: 'none yet' };
  const { openStore } = await import('./store/store.ts');
  const { listTokens } = await import('./access/tokens/table.ts');
  await using store = await openStore(config);
  const lasting = (await listTokens(store)).filter(({ expires_at: at }) => at === undefined);
  if (lasting.length === 0) return { state: 'ok', said: 'every token expires' };
  const names = lasting.map(({ name, person }) => `${name} of ${person}`).join(', ');
  return {
    state: 'warning',
    said: `These tokens never expire: ${names}`,
    fix: say`Replace them by new ones, which expire, and revoke them: ${task('list_tokens')}.`,
  };
}

/** False if no server ever ran on this data folder or database. */
export function isStoreMade({ databaseUrl, dataDir }: Config): boolean {
  return databaseUrl !== undefined || existsSync(join(dataDir, 'ecolink.db'));
}

/** Looks for a program on this machine that can serve models. */
export function checkEngines({ childEnvironment, regions, runtimes }: Config): CheckResult {
  if (regions.every((region) => region.kind !== 'local'))
    return { state: 'ok', said: 'none needed here: every region has its own images' };
  const path = childEnvironment['PATH'];
  const found = [
    findCommand('llama-server', path) === undefined ? undefined : 'llama-server (PATH)',
    isLlamaEngineInstalled() ? 'node-llama-cpp' : undefined,
    findCommand('vllm', path) === undefined ? undefined : 'vllm (PATH)',
    ...runtimes.filter(({ kind }) => kind !== 'built-in').map((runtime) => `${runtime.name} (ecolink.yaml)`),
  ].filter((each) => each !== undefined);
  if (found.length > 0) return { state: 'ok', said: found.join(', ') };
  return {
    state: 'failed',
    said: 'nothing here can serve a model',
    fix: 'npm install node-llama-cpp, put llama-server on the PATH, or name a command under "runtimes" in ecolink.yaml.',
  };
}

/** Looks at the filesystems that this machine mounts. A mount that hangs is one that does not respond. */
export async function lookAtFilesystems({ filesystems }: Config): Promise<RegionFilesystem[]> {
  const { LocalFilesystem } = await import('./regions/local/filesystems/local-filesystem.ts');
  const looks = filesystems.map(async (each) => {
    const { name, path: root } = each;
    if (root === undefined) return [];
    const filesystem = new LocalFilesystem({ name, root, mountPath: mountPath(each), clock: systemClock });
    const found = await filesystem.look();
    filesystem.close();
    return [found];
  });
  return (await Promise.all(looks)).flat();
}

/** What keeps the engines of this machine away from the server's files. */
export async function checkSandbox({ childEnvironment, regions }: Config): Promise<CheckResult> {
  const local = regions.filter((region) => region.kind === 'local').map((region) => localRegion.parse(region));
  if (local.length === 0) return { state: 'ok', said: 'none needed here: no engine runs on this machine' };
  const off = local.filter(({ sandbox }) => sandbox === 'off').map(({ name }) => name);
  if (off.length > 0) {
    const said = `off in ${off.join(', ')}: engines read whatever the server can read`;
    return { state: 'warning', said, fix: 'Take "sandbox: off" out of ecolink.yaml.' };
  }
  const { findMechanism } = await import('./regions/local/sandbox/mechanism.ts');
  return describeMechanism(await findMechanism(childEnvironment['PATH']));
}

function describeMechanism(mechanism: Mechanism): CheckResult {
  if (mechanism.kind === 'bubblewrap') {
    const who = mechanism.setpriv === undefined ? '' : ', as another user';
    return { state: 'ok', said: `bubblewrap: an engine reads its model and its own scratch only${who}` };
  }
  const risk = 'engines read whatever the server can read';
  const elsewhere = 'Until then, run untrusted models in a Kubernetes region.';
  switch (mechanism.why) {
    case 'not_linux':
      return {
        state: 'warning',
        said: `none on this system: ${risk}`,
        fix: 'Run untrusted models in a Kubernetes region.',
      };
    case 'not_installed': {
      // Another user is used where it can reach the model, which it cannot below a closed data folder.
      const asRoot = mechanism.asRoot ? ', unless "path" of the region is a folder that other users may enter' : '';
      return { state: 'warning', said: `none: ${risk}${asRoot}`, fix: `Install bubblewrap (bwrap). ${elsewhere}` };
    }
    case 'not_working':
      return {
        state: 'warning',
        said: `bubblewrap does not work (${mechanism.detail ?? 'no reason given'}): ${risk}`,
        fix: `It needs version 0.7 and user namespaces (see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, and the seccomp profile of a container). ${elsewhere}`,
      };
  }
}

/** The regions that `checkRegion` can check. */
export function checkableRegions({ regions }: Config): string[] {
  return regions.filter(({ kind }) => kind === 'kubernetes').map(({ name }) => name);
}

/**
 * Checks a region with a small claim and a pod, and deletes both. It takes up to two minutes if they do not start. Throws
 * nothing that has to do with the region.
 */
export async function checkRegion(config: Config, name: string): Promise<CheckResult[]> {
  const doctor = await import('./regions/kubernetes/doctor/check-region.ts');
  const region = kubernetesRegion.parse(config.regions.find((each) => each.name === name));
  const store = await findStoreId(config);
  const hubEndpoint = config.hub.endpoint;
  return doctor.checkRegion({ config: region, hubEndpoint, store, clock: systemClock, newId: randomId });
}

/** Empty if the store does not exist yet. Undefined if it cannot be read: `checkStore` says why. */
async function findStoreId(config: Config): Promise<string | undefined> {
  if (!isStoreMade(config)) return '';
  const { openStore } = await import('./store/store.ts');
  const { storeIdOf } = await import('./store/store-id.ts');
  try {
    await using store = await openStore(config);
    return await storeIdOf(store.db, randomId);
  } catch {
    return undefined;
  }
}

/** The objects that a namespace needs before EcoLink can use it as a region. */
export async function regionManifests(region: NewRegion): Promise<object[]> {
  const doctor = await import('./regions/kubernetes/doctor/add-region.ts');
  return doctor.regionManifests(region);
}

/** Applies the namespaced ones with the rights of the admin. Returns a kubeconfig of their ServiceAccount. */
export async function addRegion(region: NewRegion, admin: Omit<ClusterAdmin, 'clock'>): Promise<object> {
  const doctor = await import('./regions/kubernetes/doctor/add-region.ts');
  return doctor.addRegion(region, { ...admin, clock: systemClock });
}
