import { z } from 'zod';
import { EcolinkError } from '../../../base/errors.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { RegionStatus } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { isDefaultClass, listNodes, listRunningPods, listStorageClasses } from '../api/cluster-scoped.ts';
import type { ClusterPod } from '../api/cluster-scoped.ts';
import { allocatable, matchesSelector } from '../pods/nodes.ts';
import { describeRights, isGrantedByRole, neededRights, resourceName } from './rights.ts';
import type { Right } from './rights.ts';

/** People wait for a list of regions, and one of them may hang. */
const patienceMs = 4000;

const versionSchema = z.object({ gitVersion: z.string() });

/** Whether the region answers, its version, its accelerators, and the rights that EcoLink lacks. Throws no error of the API. */
export async function statusOf(client: KubernetesClient, config: KubernetesRegionConfig): Promise<RegionStatus> {
  try {
    const { gitVersion } = await client.raw('GET', '/version', versionSchema, { timeoutMs: patienceMs });
    const [missing, storageClass, accelerators] = await Promise.all([
      missingRights(client, config),
      storageClassOf(client, config),
      acceleratorsOf(client, config),
    ]);
    const lack = missing.length > 0 ? describeMissing(config, missing) : {};
    return { reachable: true, version: gitVersion, accelerators, storageClass, ...lack };
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError)) throw thrown;
    return { reachable: false, reason: { code: thrown.code, message: thrown.message } };
  }
}

/** A user who may not list namespaces cannot tell a missing namespace from one without any rights. */
function describeMissing(config: KubernetesRegionConfig, missing: readonly Right[]): Partial<RegionStatus> {
  const lacksAll = missing.filter(isGrantedByRole).length === neededRights(config).filter(isGrantedByRole).length;
  const message = lacksAll
    ? `EcoLink has no rights in the namespace ${config.namespace}, or there is no such namespace.`
    : `EcoLink may not: ${describeRights(missing)}.`;
  const missingPermissions = missing.map(
    ({ verb, resource, subresource }) => `${verb} ${resourceName(resource, subresource)}`,
  );
  return { missingPermissions, reason: { code: 'region_forbidden', message } };
}

async function missingRights(client: KubernetesClient, config: KubernetesRegionConfig): Promise<Right[]> {
  const answers = await Promise.all(
    neededRights(config).map(async (right) => ((await isAllowed(client, right)) ? [] : [right])),
  );
  return answers.flat();
}

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

async function isAllowed(client: KubernetesClient, right: Right): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { ...right, namespace: client.namespace } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  return (await client.raw('POST', path, reviewSchema, { body })).status.allowed;
}

async function storageClassOf(client: KubernetesClient, config: KubernetesRegionConfig): Promise<string | undefined> {
  return config.storage_class ?? (await listStorageClasses(client))?.find(isDefaultClass)?.metadata.name;
}

async function acceleratorsOf(client: KubernetesClient, config: KubernetesRegionConfig) {
  if (config.accelerators.length === 0) return [];
  const nodes = await listNodes(client);
  const pods = nodes && (await listRunningPods(client));
  return config.accelerators.map(({ name, resource, node_selector: selector, total }) => {
    if (!nodes) return { name, total: total ?? null, free: null };
    const matching = nodes.filter((node) => matchesSelector(node, { ...config.node_selector, ...selector }));
    const sum = matching.reduce((all, node) => all + allocatable(node, resource), 0);
    const largest = Math.max(0, ...matching.map((node) => allocatable(node, resource)));
    const names = new Set(matching.map((node) => node.metadata.name));
    const used = pods
      ?.filter(({ spec }) => spec.nodeName !== undefined && names.has(spec.nodeName))
      .reduce((all, pod) => all + usedBy(pod, resource), 0);
    return { name, total: total ?? sum, free: used === undefined ? null : Math.max(0, sum - used), largest };
  });
}

function usedBy({ spec }: ClusterPod, resource: string): number {
  return spec.containers.reduce((sum, each) => sum + Number(each.resources?.requests?.[resource] ?? 0), 0);
}
