import { setTimeout as delay } from 'node:timers/promises';
import type { V1Secret } from '@kubernetes/client-node';
import { fail } from '../../../base/errors.ts';
import { ClusterAccess } from '../api/access.ts';
import { KubernetesClient } from '../api/client.ts';
import type { Kind } from '../api/kinds.ts';
import { labels } from '../api/names.ts';
import { readerRules, roleRules } from './rights.ts';

export interface NewRegion {
  name: string;
  namespace: string;
  reach: 'in-cluster' | 'api-proxy';
  /** With the right to read nodes, pods and storage classes, for free accelerators and checks of the class. */
  clusterReader: boolean;
}

const account = 'ecolink';
const tokenName = 'ecolink-token';
const tries = 50;

/** What a namespace needs before EcoLink can use it as a region. Pure. */
export function regionManifests(region: NewRegion): object[] {
  const { namespace } = region;
  const metadata = { name: account, namespace, labels: { [labels.managedBy]: 'ecolink-region-add' } };
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace }];
  const rbac = 'rbac.authorization.k8s.io';
  const of = (kind: string, name: string) => ({ apiGroup: rbac, kind, name });
  const own = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: roleRules(region) },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef: of('Role', account), subjects },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, name: tokenName, annotations: { 'kubernetes.io/service-account.name': account } },
      type: 'kubernetes.io/service-account-token',
    },
  ];
  if (!region.clusterReader) return own;
  const reader = { name: `ecolink-${namespace}-reader`, labels: metadata.labels };
  return [
    ...own,
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: reader, rules: readerRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: reader,
      roleRef: of('ClusterRole', reader.name),
      subjects,
    },
  ];
}

export interface ClusterAdmin {
  context?: string | undefined;
  kubeconfig?: string | undefined;
}

/**
 * Applies the namespaced manifests as whoever the context is, and answers with a kubeconfig of the ServiceAccount: it
 * names no program that EcoLink's image would lack. The namespace must exist.
 */
export async function addRegion(region: NewRegion, admin: ClusterAdmin): Promise<object> {
  const access = new ClusterAccess({ region: region.name, ...admin, inCluster: false });
  try {
    const client = new KubernetesClient({ region: region.name, namespace: region.namespace, access });
    for (const manifest of regionManifests({ ...region, clusterReader: false }) as { kind: Kind }[])
      await client.apply(manifest.kind, manifest);
    const { token, authority } = await readToken(client);
    const { server } = await access.current();
    return kubeconfigOf(region, server, authority, token);
  } finally {
    await access.close();
  }
}

async function readToken(client: KubernetesClient): Promise<{ token: string; authority: string }> {
  for (let round = 0; round < tries; round++) {
    const { data } = (await client.read<V1Secret>('Secret', tokenName)) ?? {};
    if (data?.['token'] !== undefined)
      return { token: Buffer.from(data['token'], 'base64').toString(), authority: data['ca.crt'] ?? '' };
    await delay(200);
  }
  throw fail('no_account_token', `The cluster put no token into the Secret ${tokenName}.`, {
    nextStep: 'Try again; where it stays so, make a token with: kubectl create token ecolink --duration=8760h',
  });
}

function kubeconfigOf(region: NewRegion, server: string, authority: string, token: string): object {
  const { name, namespace } = region;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, ...(authority === '' ? {} : { 'certificate-authority-data': authority }) } }],
    users: [{ name: account, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: account, namespace } }],
    'current-context': name,
  };
}
