import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { RegionStatus } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import type { Finding } from './check-result.ts';
import type { Live } from '../api/kinds.ts';
import { isDefaultClass, persistentVolume, storageClasses } from '../api/cluster-scoped.ts';

/** A program that is here need not be where EcoLink will run. */
export function pluginFindings(plugin: string | undefined): Finding[] {
  if (plugin === undefined) return [];
  const said = `its kubeconfig calls the program "${plugin}", which EcoLink's image does not have`;
  return [{ state: 'warning', said, fix: 'Make a kubeconfig that needs none: ecolink region add --write-kubeconfig.' }];
}

/** Whether pods' addresses are routed to this machine is a matter of its network: only calls show it. */
export function reachFindings(config: KubernetesRegionConfig): Finding[] {
  if (config.in_cluster || config.reach !== 'in-cluster') return [];
  const said = "calls go straight to pods' addresses, which must be routed from where EcoLink runs; not tried";
  return [{ state: 'warning', said, fix: 'Where nothing routes to them, set reach: api-proxy.' }];
}

/** Nodes may scale from zero, and counting them takes rights that are optional. */
export function acceleratorFindings(found: NonNullable<RegionStatus['accelerators']>): Finding[] {
  const unknown = found.filter(({ free }) => free === null).map(({ name }) => name);
  const counted = found.filter(({ free }) => free !== null);
  const none = counted.filter(({ largest }) => largest === 0).map(({ name }) => name);
  const there = counted.filter(({ largest }) => largest !== 0);
  return [
    ...there.map(({ name, total, free }): Finding => ({ state: 'ok', said: `${name}: ${free} of ${total} free` })),
    ...none.map((name): Finding => {
      const fix = 'Nodes may scale from zero; else correct its resource and node_selector.';
      return { state: 'warning', said: `no node offers ${name} now`, fix };
    }),
    ...(unknown.length === 0
      ? []
      : [
          {
            state: 'ok' as const,
            said: `${unknown.join(', ')}: not counted, as the optional ClusterRole is not granted`,
          },
        ]),
  ];
}

/** An image whose name will stand for another one tomorrow, where nodes keep what they pulled once. */
export function imageFindings({ ecolink_image: image, image_pull_policy: policy }: KubernetesRegionConfig): Finding[] {
  const said = `image ${image}, pull policy ${policy}`;
  const tag = /:([^:/@]+)(?:@|$)/.exec(image)?.[1];
  if (image.includes('@')) return [];
  if (policy !== 'Always' && (tag === undefined || tag === 'latest')) {
    const fix = 'Name a version or a digest in ecolink_image, or set image_pull_policy: Always.';
    return [{ state: 'warning', said: `${said}: nodes that have an old one keep it`, fix }];
  }
  if (policy !== 'Never') return [];
  return [{ state: 'warning', said: `${said}: every node must have it loaded`, fix: 'Load it, or set IfNotPresent.' }];
}

/** The class, where classes may be read. One that is not there would only show as a claim that never binds. */
export async function classFindings(client: KubernetesClient, config: KubernetesRegionConfig): Promise<Finding[]> {
  const classes = await storageClasses(client);
  if (!classes) return [];
  const named = config.storage_class;
  const found = classes.find((each) => (named === undefined ? isDefaultClass(each) : each.metadata?.name === named));
  if (!found) {
    const there = classes.map((each) => each.metadata?.name).join(', ') || 'none';
    const said =
      named === undefined ? 'the cluster has no default storage class' : `there is no storage class ${named}`;
    return [{ state: 'failed', said, fix: `Set storage_class to one that is there: ${there}.` }];
  }
  if (found.reclaimPolicy !== 'Retain') return [];
  const said = `the storage class ${found.metadata?.name} has reclaimPolicy Retain: evictions free nothing`;
  return [{ state: 'warning', said, fix: 'Use a class with Delete, or delete released PersistentVolumes by hand.' }];
}

const hostKeys = /hostname|topology\.(topolvm|rook|openebs|hostpath)|\/node$/;

/** A volume that one node alone can reach, where volumes may be read: then the download's node is the engine's. */
export async function nodeLocalFindings(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  claim: string,
): Promise<Finding[]> {
  if (config.node_local_storage || config.accelerators.length === 0) return [];
  const bound = await client.read<V1PersistentVolumeClaim>('PersistentVolumeClaim', claim);
  const volume = await volumeOf(client, bound);
  const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  if (!terms.some((term) => term.matchExpressions?.some(({ key }) => hostKeys.test(key)))) return [];
  const said = 'volumes can be reached from one node alone, which may be one without accelerators';
  return [{ state: 'warning', said, fix: 'Set node_local_storage: true.' }];
}

function volumeOf(client: KubernetesClient, claim: Live<V1PersistentVolumeClaim> | undefined) {
  const name = claim?.spec?.volumeName;
  return name === undefined ? undefined : persistentVolume(client, name);
}
