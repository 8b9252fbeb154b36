import { mountsOnOneNode } from '../../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { listNodes, readPersistentVolume } from '../api/cluster-scoped.ts';
import type { ClusterNode } from '../api/cluster-scoped.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { labels } from '../api/names.ts';
import { allocatable, matchesSelector, matchesTerms } from '../pods/nodes.ts';
import { hasEnded } from '../pods/pod-problems.ts';

interface OutOfReachDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

interface WantedAccelerator {
  name: string;
  count: number;
}

/**
 * Why no replica with these accelerators can mount the volume, in words: the volume is on a node, or is mounted on one,
 * that lacks them. Undefined if a replica can mount it, or if EcoLink may not read nodes or volumes.
 */
export async function whyOutOfReach(
  { config, client, mirrors }: OutOfReachDeps,
  key: string,
  wanted: WantedAccelerator,
): Promise<string | undefined> {
  const accelerator = config.accelerators.find(({ name }) => name === wanted.name);
  const volumeName = (await mirrors.claims.get(key))?.spec?.volumeName;
  if (!accelerator || volumeName === undefined) return undefined;
  const mounting = mountsOnOneNode(config) ? await mountingNodes(mirrors, key) : [];
  const volume = await readPersistentVolume(client, volumeName);
  const terms = volume?.spec.nodeAffinity?.required?.nodeSelectorTerms;
  if (!terms && mounting.length === 0) return undefined;
  const nodes = await listNodes(client);
  if (!nodes) return undefined;
  const reaching = nodes
    .filter(({ metadata }) => mounting.length === 0 || mounting.includes(metadata.name))
    .filter((node) => !terms || matchesTerms(node, terms));
  const selector = { ...config.node_selector, ...accelerator.node_selector };
  const isAble = (node: ClusterNode): boolean =>
    matchesSelector(node, selector) && allocatable(node, accelerator.resource) >= wanted.count;
  return reaching.some(isAble) ? undefined : describe(config, reaching, wanted);
}

/** The nodes that run pods of the volume. */
async function mountingNodes(mirrors: Mirrors, key: string): Promise<string[]> {
  const pods = (await mirrors.pods.all()).filter(({ metadata }) => metadata.labels?.[labels.volume] === key);
  return pods.filter((pod) => !hasEnded(pod)).flatMap(({ spec }) => spec?.nodeName ?? []);
}

const mostNamed = 3;

function describe(
  { name: region, node_local_storage: isNodeLocal }: KubernetesRegionConfig,
  reaching: readonly ClusterNode[],
  { name, count }: WantedAccelerator,
): string {
  const names = reaching.slice(0, mostNamed).map(({ metadata }) => metadata.name);
  const more = reaching.length > mostNamed ? ` and ${reaching.length - mostNamed} more` : '';
  const nodes = names.length === 0 ? 'no node that exists now' : `${names.join(', ')}${more} alone`;
  const setting = isNodeLocal ? '' : ' (with node_local_storage set, the new download goes to a suitable node)';
  return `In ${region} the volume is reached from ${nodes}, and ${count} × ${name} are not there: replicas would wait. If you evict it, it is downloaded again${setting}.`;
}
