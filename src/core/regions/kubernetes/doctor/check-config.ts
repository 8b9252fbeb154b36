import { say, task } from '../../../base/prose.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { RegionStatus } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { isDefaultClass, listStorageClasses, readPersistentVolume } from '../api/cluster-scoped.ts';
import type { CheckResult } from './check-result.ts';

/** The program may exist on this machine, but not where EcoLink will run. */
export function checkPlugin(region: string, plugin: string | undefined): CheckResult[] {
  if (plugin === undefined) return [];
  const said = `its kubeconfig calls the program "${plugin}", which EcoLink's image does not have`;
  const fix = say`Use a kubeconfig without such a program: ${task('write_kubeconfig', region)}.`;
  return [{ state: 'warning', said, fix }];
}

/** Only a call shows whether this machine's network routes to pods. */
export function checkReach(config: KubernetesRegionConfig): CheckResult[] {
  if (config.in_cluster || config.reach !== 'in-cluster') return [];
  const said = "calls go directly to pods' addresses; EcoLink did not try whether its network routes to them";
  return [{ state: 'warning', said, fix: 'If the network does not route to pods, set reach: api-proxy.' }];
}

/** `own`: the namespace of EcoLink's pod, with its keys and tokens. Undefined outside a cluster. */
export function checkNamespace(config: KubernetesRegionConfig, own: string | undefined): CheckResult[] {
  if (!config.in_cluster || config.namespace !== own) return [];
  const said = `engines run in the namespace of EcoLink itself, ${own}`;
  const fix =
    'Add a region with a namespace of its own for new models, and stop the instances of this one when you can.';
  return [{ state: 'warning', said, fix }];
}

/** Nodes may scale from zero, and counting accelerators takes optional rights. */
export function checkAccelerators(accelerators: NonNullable<RegionStatus['accelerators']>): CheckResult[] {
  const unknown = accelerators.filter(({ free }) => free === null).map(({ name }) => name);
  const counted = accelerators.filter(({ free }) => free !== null);
  const offered = counted.filter(({ largest }) => largest !== 0);
  const missing = counted.filter(({ largest }) => largest === 0);
  const fix =
    "If its nodes scale from zero, this is normal. If not, correct the accelerator's resource and node_selector.";
  return [
    ...offered.map(({ name, total, free }): CheckResult => ({
      state: 'ok',
      said: `${name}: ${free} of ${total} free`,
    })),
    ...missing.map(({ name }): CheckResult => ({ state: 'warning', said: `no node offers ${name} now`, fix })),
    ...notCounted(unknown),
  ];
}

function notCounted(names: readonly string[]): CheckResult[] {
  if (names.length === 0) return [];
  return [{ state: 'ok', said: `${names.join(', ')}: not counted, as the optional ClusterRole is not granted` }];
}

/** A tag may name another image tomorrow, while nodes keep the one that they pulled. */
export function checkImage({ ecolink_image: image, image_pull_policy: policy }: KubernetesRegionConfig): CheckResult[] {
  const said = `image ${image}, pull policy ${policy}`;
  const tag = /:([^:/@]+)(?:@|$)/.exec(image)?.[1];
  if (image.includes('@')) return [];
  if (policy !== 'Always' && (tag === undefined || tag === 'latest')) {
    const fix = 'Name a version or a digest in ecolink_image, or set image_pull_policy: Always.';
    return [{ state: 'warning', said: `${said}: a node that has an old image keeps it`, fix }];
  }
  if (policy !== 'Never') return [];
  const fix = 'Load it on every node, or set image_pull_policy: IfNotPresent.';
  return [{ state: 'warning', said: `${said}: every node must have it loaded`, fix }];
}

/** Checks the class if classes may be read. Otherwise a missing class shows only as a claim that is never bound. */
export async function checkStorageClass(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
): Promise<CheckResult[]> {
  const classes = await listStorageClasses(client);
  if (!classes) return [];
  const { storage_class: name } = config;
  const found = classes.find((each) => (name === undefined ? isDefaultClass(each) : each.metadata.name === name));
  if (!found) {
    const names = classes.map((each) => each.metadata.name).join(', ') || 'none';
    const said = name === undefined ? 'the cluster has no default storage class' : `there is no storage class ${name}`;
    return [{ state: 'failed', said, fix: `Set storage_class to a class that exists: ${names}.` }];
  }
  if (found.reclaimPolicy !== 'Retain') return [];
  const said = `the storage class ${found.metadata.name} has reclaimPolicy Retain: evictions free nothing`;
  return [{ state: 'warning', said, fix: 'Use a class with Delete, or delete released PersistentVolumes by hand.' }];
}

const hostKeys = /hostname|topology\.(topolvm|rook|openebs|hostpath)|\/node$/;

/** If only one node reaches a volume, the node of the download is the node of the engine. */
export async function checkNodeLocalStorage(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  claim: string,
): Promise<CheckResult[]> {
  if (config.node_local_storage || config.accelerators.length === 0) return [];
  const name = (await client.read('PersistentVolumeClaim', claim))?.spec?.volumeName;
  const volume = name === undefined ? undefined : await readPersistentVolume(client, name);
  const terms = volume?.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  if (!terms.some((term) => term.matchExpressions?.some(({ key }) => hostKeys.test(key)))) return [];
  const said = 'only one node reaches a volume, and it may be a node without accelerators';
  return [{ state: 'warning', said, fix: 'Set node_local_storage: true.' }];
}
