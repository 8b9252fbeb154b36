import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { randomId } from './base/ids.ts';
import type { Config } from './config/config.ts';
import { localRegion } from './config/local-region.ts';
import { kubernetesRegion } from './config/kubernetes-region.ts';
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

function isStoreMade({ databaseUrl, dataDir }: Config): boolean {
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
    ...runtimes.map((runtime) => `${runtime.name} (ecolink.yaml)`),
  ].filter((each) => each !== undefined);
  if (found.length > 0) return { state: 'ok', said: found.join(', ') };
  return {
    state: 'failed',
    said: 'nothing here can serve a model',
    fix: 'npm install node-llama-cpp, put llama-server on the PATH, or name a command under "runtimes" in ecolink.yaml.',
  };
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
