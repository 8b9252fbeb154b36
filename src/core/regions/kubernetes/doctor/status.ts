import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { EcolinkError } from '../../../base/errors.ts';
import type { RegionStatus } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { fits, offered } from '../pods/nodes.ts';
import { isDefaultClass, listOutside, storageClasses } from '../api/cluster-scoped.ts';
import { isOfRole, nameOf, neededRights, rightsInWords } from './rights.ts';
import type { Right } from './rights.ts';

/** People wait for a list of regions, one of which may hang. */
const patienceMs = 4000;

/** Reachability, version, what may be used of the cluster, and what EcoLink lacks there. Never throws for the cluster's sake. */
export async function statusOf(client: KubernetesClient, config: KubernetesRegionConfig): Promise<RegionStatus> {
  try {
    const { gitVersion } = (await client.raw('GET', '/version', undefined, undefined, patienceMs)) as {
      gitVersion: string;
    };
    const [missing, storageClass, accelerators] = await Promise.all([
      missingRights(client, config),
      storageClassOf(client, config),
      acceleratorsOf(client, config),
    ]);
    return {
      reachable: true,
      version: gitVersion,
      accelerators,
      ...(storageClass === undefined ? {} : { storageClass }),
      ...(missing.length > 0 ? lacking(config, missing) : {}),
    };
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError)) throw thrown;
    return { reachable: false, reason: { code: thrown.code, message: thrown.message } };
  }
}

/** A namespace that is not there looks like one in which nothing is granted, to a user who may not list namespaces. */
function lacking(config: KubernetesRegionConfig, missing: readonly Right[]): Partial<RegionStatus> {
  const everything = missing.filter(isOfRole).length === neededRights(config).filter(isOfRole).length;
  const message = everything
    ? `EcoLink has no rights in the namespace ${config.namespace}, or there is no such namespace.`
    : `EcoLink may not: ${rightsInWords(missing)}.`;
  const missingPermissions = missing.map(
    ({ verb, resource, subresource }) => `${verb} ${nameOf(resource, subresource)}`,
  );
  return { missingPermissions, reason: { code: 'region_forbidden', message } };
}

async function missingRights(client: KubernetesClient, config: KubernetesRegionConfig): Promise<Right[]> {
  const answers = await Promise.all(
    neededRights(config).map(async (right) => ((await may(client, right)) ? [] : [right])),
  );
  return answers.flat();
}

async function may(client: KubernetesClient, right: Right): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { ...right, namespace: client.namespace } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const { status } = (await client.raw('POST', path, review)) as { status: { allowed: boolean } };
  return status.allowed;
}

async function storageClassOf(client: KubernetesClient, config: KubernetesRegionConfig): Promise<string | undefined> {
  return config.storage_class ?? (await storageClasses(client))?.find(isDefaultClass)?.metadata?.name;
}

async function acceleratorsOf(client: KubernetesClient, config: KubernetesRegionConfig) {
  if (config.accelerators.length === 0) return [];
  const nodes = await listOutside<V1Node>(client, '/api/v1/nodes');
  const pods =
    nodes &&
    (await listOutside<V1Pod>(client, '/api/v1/pods', {
      fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
    }));
  return config.accelerators.map(({ name, resource, node_selector: selector, total }) => {
    if (!nodes) return { name, total: total ?? null, free: null };
    const fitting = nodes.filter((node) => fits(node, { ...config.node_selector, ...selector }));
    const there = fitting.reduce((sum, node) => sum + offered(node, resource), 0);
    const largest = Math.max(0, ...fitting.map((node) => offered(node, resource)));
    const names = new Set(fitting.map((node) => node.metadata?.name));
    const used = pods
      ?.filter((pod) => names.has(pod.spec?.nodeName))
      .reduce((sum, pod) => sum + usedBy(pod, resource), 0);
    return { name, total: total ?? there, free: used === undefined ? null : Math.max(0, there - used), largest };
  });
}

function usedBy(pod: V1Pod, resource: string): number {
  return (pod.spec?.containers ?? []).reduce((sum, each) => sum + Number(each.resources?.requests?.[resource] ?? 0), 0);
}
