import type { V1Node, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { isOfOneNode } from '../../../config/kubernetes-region.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import type { Live } from '../api/kinds.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { labels } from '../api/names.ts';
import { fits, isLetIn, offered } from '../pods/nodes.ts';
import { listOutside, persistentVolume } from '../api/cluster-scoped.ts';

interface Deps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

/**
 * Why no replica with such accelerators can mount the volume, in words: it lies on a node, or is mounted on one, that does not
 * have them. Undefined where one can, or nobody may look.
 */
export async function outOfReach(
  { config, client, mirrors }: Deps,
  key: string,
  wanted: { name: string; count: number },
): Promise<string | undefined> {
  const accelerator = config.accelerators.find(({ name }) => name === wanted.name);
  const claim = await mirrors.claims.get(key);
  if (!accelerator || claim?.spec?.volumeName === undefined) return undefined;
  const holding = isOfOneNode(config) ? await holdingNodes(mirrors, key) : [];
  const terms = await lettingIn(client, claim);
  if (!terms && holding.length === 0) return undefined;
  const nodes = await listOutside<V1Node>(client, '/api/v1/nodes');
  if (!nodes) return undefined;
  const reaching = nodes
    .filter(({ metadata }) => holding.length === 0 || holding.includes(metadata?.name ?? ''))
    .filter((node) => !terms || isLetIn(node, terms));
  const selector = { ...config.node_selector, ...accelerator.node_selector };
  const able = reaching.filter((node) => fits(node, selector) && offered(node, accelerator.resource) >= wanted.count);
  if (able.length > 0) return undefined;
  return inWords(config, reaching, wanted);
}

async function lettingIn(client: KubernetesClient, claim: Live<V1PersistentVolumeClaim>) {
  const volume = await persistentVolume(client, claim.spec?.volumeName as string);
  return volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms;
}

/** Of a volume that one node at a time mounts. */
async function holdingNodes(mirrors: Mirrors, key: string): Promise<string[]> {
  const pods = (await mirrors.pods.all()).filter(({ metadata }) => metadata.labels?.[labels.volume] === key);
  const open = pods.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''));
  return open.flatMap(({ spec }) => spec?.nodeName ?? []);
}

const mostNamed = 3;

function inWords(
  { name: region, node_local_storage: placed }: KubernetesRegionConfig,
  reaching: readonly V1Node[],
  { name, count }: { name: string; count: number },
): string {
  const names = reaching.slice(0, mostNamed).map(({ metadata }) => metadata?.name);
  const more = reaching.length > mostNamed ? ` and ${reaching.length - mostNamed} more` : '';
  const where = names.length === 0 ? 'no node that is there now' : `${names.join(', ')}${more} alone`;
  const setting = placed ? '' : ' (with node_local_storage set, it goes to such a node)';
  return `In ${region} the volume is reached from ${where}, and ${count} × ${name} are not there: replicas would wait. Evicted, it is fetched anew${setting}.`;
}
