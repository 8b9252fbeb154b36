import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';

export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
}

/** Everything that EcoLink does in a region's namespace. The chart's Role grants exactly this; Secrets are never read. */
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
  return rulesOf(config).flatMap(({ verbs, ...what }) => verbs.map((verb) => ({ verb, ...what })));
}

/** The same as the rules of a Role. */
export function roleRules(config: Pick<KubernetesRegionConfig, 'reach'>) {
  return rulesOf(config).map(({ group, resource, subresource, verbs }) => ({
    apiGroups: [group],
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    verbs,
  }));
}

/** The rules of the optional ClusterRole: what lies outside the namespace, read only. */
export const readerRules = [
  { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['get'] },
  { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['list'] },
];
