import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubernetesRegion } from '../../../src/core/config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../src/core/config/kubernetes-region.ts';
import { runtimeSchema } from '../../../src/core/config/schema.ts';
import type { FilesystemConfig } from '../../../src/core/config/schema.ts';
import type { PullManifest } from '../../../src/core/download/manifest.ts';
import { systemClock } from '../../../src/core/base/clock.ts';
import { digestOf, randomId } from '../../../src/core/base/ids.ts';
import { kubernetesCapabilities } from '../../../src/core/regions/kubernetes/kind.ts';
import { KubernetesRegion } from '../../../src/core/regions/kubernetes/kubernetes-region.ts';
import { readerRules, roleRules } from '../../../src/core/regions/kubernetes/doctor/rights.ts';
import type { Workload } from '../../../src/core/region/region.ts';
import type { ControlPlane } from '../../support/control-plane.ts';

export const engine = {
  name: 'engine',
  kind: 'kubernetes',
  categories: ['chat'],
  formats: ['gguf'],
  image: 'engine.test/engine:1',
  arguments: ['--model', '{model_path}', '--name', '{served_name}', '--port', '{port}', '--literal', '$(HOME)'],
};

let namespaces = 0;

/** A namespace with Pod Security "restricted". The user `ecolink` has the Role there and no other right. */
export async function makeNamespace(plane: ControlPlane, more: Record<string, unknown> = {}): Promise<string> {
  const name = `models-${++namespaces}`;
  await plane.call('POST', '/api/v1/namespaces', {
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  const config = regionConfig(name, more);
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}`;
  await plane.call('POST', `${rbac}/roles`, { metadata: { name: 'ecolink' }, rules: roleRules(config) });
  await plane.call('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'ecolink' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'ecolink' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ecolink' }],
  });
  if (readerGranted) await grantReader(plane);
  return name;
}

/** The suite runs once with the optional ClusterRole and once without it. */
export const readerGranted = process.env['ECOLINK_TEST_CLUSTER_READER'] === '1';

const rbacRoot = '/apis/rbac.authorization.k8s.io/v1';

export async function grantReader(plane: ControlPlane): Promise<void> {
  const metadata = { name: 'ecolink-reader' };
  const made = (thrown: Error): void => {
    if (!thrown.message.includes('409')) throw thrown;
  };
  await plane.call('POST', `${rbacRoot}/clusterroles`, { metadata, rules: readerRules }).catch(made);
  const binding = {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'ecolink-reader' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ecolink' }],
  };
  await plane.call('POST', `${rbacRoot}/clusterrolebindings`, binding).catch(made);
}

export async function withdrawReader(plane: ControlPlane): Promise<void> {
  if (!readerGranted) await plane.call('DELETE', `${rbacRoot}/clusterrolebindings/ecolink-reader`);
}

export function regionConfig(namespace: string, more: Record<string, unknown> = {}): KubernetesRegionConfig {
  return kubernetesRegion.parse({
    name: 'eu',
    kind: 'kubernetes',
    namespace,
    ecolink_image: 'ecolink.test/ecolink:1',
    ...more,
  });
}

export interface RegionOptions {
  config?: Record<string, unknown>;
  runtimes?: Record<string, unknown>[];
  filesystems?: FilesystemConfig[];
  kubeconfig?: string;
  changed?: (what: string) => void;
  store?: string;
}

/** The region, opened by the user who has the Role. */
export async function openRegion(
  plane: ControlPlane,
  namespace: string,
  options: RegionOptions = {},
): Promise<KubernetesRegion & AsyncDisposable> {
  const kubeconfig = options.kubeconfig ?? (await plane.kubeconfig('ecolink'));
  const config = regionConfig(namespace, { kubeconfig, ...options.config });
  const region = new KubernetesRegion({
    config,
    capabilities: kubernetesCapabilities(config),
    store: options.store ?? 'store_test',
    clock: systemClock,
    newId: randomId,
    filesystems: options.filesystems ?? [],
    runtimes: () => (options.runtimes ?? [engine]).map((runtime) => runtimeSchema.parse(runtime)),
    workloadChanged: (instance) => options.changed?.(`instance ${instance}`),
    volumeChanged: (key) => options.changed?.(`volume ${key}`),
  });
  return Object.assign(region, { [Symbol.asyncDispose]: () => region.close() });
}

export function keyFor(name: string): string {
  return `v-${digestOf(name).slice(0, 20)}`;
}

export const manifest: PullManifest = {
  version: 1,
  endpoint: 'http://hub.test',
  repo: 'team/tiny',
  commit: 'a'.repeat(40),
  files: [{ path: 'model.gguf', size: 3_000_000, sha256: 'b'.repeat(64) }],
};

export function workloadOf(volume: string, more: Partial<Workload> = {}): Workload {
  return {
    instance: 7,
    replicas: 1,
    location: { kind: 'volume', volume, file: 'model.gguf' },
    servedName: 'tiny:7',
    runtime: 'engine',
    arguments: engine.arguments,
    bytes: 3_000_000,
    generation: 1,
    ...more,
  };
}

/** A data folder with an `ecolink.yaml` of these regions. */
export async function dataFolderWith(file: object): Promise<{ dataDir: string; config: string } & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-kubernetes-'));
  const config = join(dataDir, 'ecolink.yaml');
  await writeFile(config, JSON.stringify(file));
  return { dataDir, config, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) };
}
