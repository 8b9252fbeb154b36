import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import type { Clock } from '../../../base/clock.ts';
import { fail } from '../../../base/errors.ts';
import { ClusterAccess } from '../api/access.ts';
import { KubernetesClient } from '../api/client.ts';
import type { Manifest } from '../api/kinds.ts';
import { labels } from '../api/names.ts';
import { readerRules, roleRules } from './rights.ts';

export interface NewRegion {
  name: string;
  namespace: string;
  reach: 'in-cluster' | 'api-proxy';
  /** Adds the right to read nodes, pods and storage classes: for free accelerators and checks of the class. */
  clusterReader: boolean;
}

interface NamespacedManifests {
  account: Manifest<V1ServiceAccount>;
  role: Manifest<V1Role>;
  binding: Manifest<V1RoleBinding>;
  token: Manifest<V1Secret>;
}

const account = 'ecolink';
const tokenName = 'ecolink-token';
const tokenTries = 50;
const tokenPauseMs = 200;
const rbac = 'rbac.authorization.k8s.io';
const managedBy = { [labels.managedBy]: 'ecolink-region-add' };

/** The objects that a namespace needs before EcoLink can use it as a region. Pure. */
export function regionManifests(region: NewRegion): object[] {
  const own = Object.values(namespacedManifests(region));
  return region.clusterReader ? [...own, ...readerManifests(region)] : own;
}

function subjectsOf({ namespace }: NewRegion) {
  return [{ kind: 'ServiceAccount', name: account, namespace }];
}

function namespacedManifests(region: NewRegion): NamespacedManifests {
  const metadata = { name: account, namespace: region.namespace, labels: managedBy };
  const roleRef = { apiGroup: rbac, kind: 'Role', name: account };
  const annotations = { 'kubernetes.io/service-account.name': account };
  return {
    account: { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    role: { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: roleRules(region) },
    binding: { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects: subjectsOf(region) },
    token: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, name: tokenName, annotations },
      type: 'kubernetes.io/service-account-token',
    },
  };
}

function readerManifests(region: NewRegion): [V1ClusterRole, V1ClusterRoleBinding] {
  const metadata = { name: `ecolink-${region.namespace}-reader`, labels: managedBy };
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: metadata.name };
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules: readerRules },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata, roleRef, subjects: subjectsOf(region) },
  ];
}

/** Who adds the region: the current context of the default kubeconfig, unless another is named. */
export interface ClusterAdmin {
  context?: string | undefined;
  kubeconfig?: string | undefined;
  clock: Clock;
}

/**
 * Applies the namespaced manifests with the admin's rights. Returns a kubeconfig of the ServiceAccount that calls no
 * program, because EcoLink's image may lack it. The namespace must exist.
 */
export async function addRegion(region: NewRegion, admin: ClusterAdmin): Promise<object> {
  const access = new ClusterAccess({ region: region.name, ...admin, inCluster: false });
  try {
    const { clock } = admin;
    const client = new KubernetesClient({ region: region.name, namespace: region.namespace, access, clock });
    const manifests = namespacedManifests(region);
    await client.apply('ServiceAccount', manifests.account);
    await client.apply('Role', manifests.role);
    await client.apply('RoleBinding', manifests.binding);
    await client.apply('Secret', manifests.token);
    const { token, authority } = await readToken(client, clock);
    const { server } = await access.current();
    return kubeconfigOf(region, { server, authority, token });
  } finally {
    await access.close();
  }
}

/** Waits until the cluster has filled in the token: up to 10 s. */
async function readToken(client: KubernetesClient, clock: Clock): Promise<{ token: string; authority?: string }> {
  for (let tries = 0; tries < tokenTries; tries++) {
    const { data } = (await client.read('Secret', tokenName)) ?? {};
    if (data?.['token'] !== undefined)
      return { token: Buffer.from(data['token'], 'base64').toString(), authority: data['ca.crt'] };
    await clock.sleep(tokenPauseMs);
  }
  throw fail('no_account_token', `The cluster put no token into the Secret ${tokenName}.`, {
    nextStep: 'Try again. If it happens again, make a token with: kubectl create token ecolink --duration=8760h',
  });
}

function kubeconfigOf(
  { name, namespace }: NewRegion,
  { server, authority, token }: { server: string; authority?: string; token: string },
): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, ...(authority && { 'certificate-authority-data': authority }) } }],
    users: [{ name: account, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: account, namespace } }],
    'current-context': name,
  };
}
