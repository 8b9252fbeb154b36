import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';

export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
}

/** All rights that EcoLink uses in a region's namespace. The chart's Role grants exactly these. EcoLink never reads Secrets. */
const rights: { group: string; resource: string; subresource?: string; verbs: string[] }[] = [
  { group: '', resource: 'persistentvolumeclaims', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch'] },
  { group: '', resource: 'pods', subresource: 'log', verbs: ['get'] },
  { group: '', resource: 'events', verbs: ['list'] },
  { group: '', resource: 'services', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resource: 'configmaps', verbs: ['create', 'delete'] },
  { group: '', resource: 'secrets', verbs: ['create', 'delete'] },
  { group: 'batch', resource: 'jobs', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: 'apps', resource: 'deployments', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'create'] },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list', 'watch'] },
  {
    group: 'networking.k8s.io',
    resource: 'networkpolicies',
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  {
    group: 'policy',
    resource: 'poddisruptionbudgets',
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

const proxyRights = {
  group: '',
  resource: 'pods',
  subresource: 'proxy',
  verbs: ['get', 'create', 'update', 'patch', 'delete'],
};

function rulesOf(config: Pick<KubernetesRegionConfig, 'reach'>) {
  return config.reach === 'api-proxy' ? [...rights, proxyRights] : rights;
}

export function neededRights(config: KubernetesRegionConfig): Right[] {
  return rulesOf(config).flatMap(({ verbs, ...resource }) => verbs.map((verb) => ({ verb, ...resource })));
}

/** Grouped as in a Role: `get, list pods; get pods/log`. Pure. */
export function describeRights(rights: readonly Right[]): string {
  const verbs = new Map<string, string[]>();
  for (const { verb, resource, subresource } of rights) {
    const name = resourceName(resource, subresource);
    verbs.set(name, [...(verbs.get(name) ?? []), verb]);
  }
  return [...verbs].map(([name, each]) => `${each.join(', ')} ${name}`).join('; ');
}

export function resourceName(resource: string, subresource: string | undefined): string {
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}

/** The rights as the rules of a Role. */
export function roleRules(config: Pick<KubernetesRegionConfig, 'reach'>) {
  return rulesOf(config).map(({ group, resource, subresource, verbs }) => ({
    apiGroups: [group],
    resources: [resourceName(resource, subresource)],
    verbs,
  }));
}

/** The rules of the optional ClusterRole: reads outside the namespace. */
export const readerRules = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get'] },
  { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['list'] },
];

/** False if the ClusterRole also grants the right: it counts even in namespaces that do not exist. Pure. */
export function isGrantedByRole({ verb, resource, subresource }: Right): boolean {
  return !readerRules.some(
    ({ resources, verbs }) => subresource === undefined && resources.includes(resource) && verbs.includes(verb),
  );
}
