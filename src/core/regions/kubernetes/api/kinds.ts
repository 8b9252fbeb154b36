import type {
  CoreV1Event,
  V1ConfigMap,
  V1Deployment,
  V1EndpointSlice,
  V1Job,
  V1Lease,
  V1NetworkPolicy,
  V1OwnerReference,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { isRecord } from './is-record.ts';

/** The kinds that a region consists of, with their paths in the API. */
export const kinds = {
  PersistentVolumeClaim: { apiVersion: 'v1', plural: 'persistentvolumeclaims' },
  ConfigMap: { apiVersion: 'v1', plural: 'configmaps' },
  Secret: { apiVersion: 'v1', plural: 'secrets' },
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts' },
  Service: { apiVersion: 'v1', plural: 'services' },
  Pod: { apiVersion: 'v1', plural: 'pods' },
  Event: { apiVersion: 'v1', plural: 'events' },
  Job: { apiVersion: 'batch/v1', plural: 'jobs' },
  Deployment: { apiVersion: 'apps/v1', plural: 'deployments' },
  NetworkPolicy: { apiVersion: 'networking.k8s.io/v1', plural: 'networkpolicies' },
  PodDisruptionBudget: { apiVersion: 'policy/v1', plural: 'poddisruptionbudgets' },
  Role: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'roles' },
  RoleBinding: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'rolebindings' },
  Lease: { apiVersion: 'coordination.k8s.io/v1', plural: 'leases' },
  EndpointSlice: { apiVersion: 'discovery.k8s.io/v1', plural: 'endpointslices' },
} as const;

/** The library's type of each kind. */
interface KindTypes {
  PersistentVolumeClaim: V1PersistentVolumeClaim;
  ConfigMap: V1ConfigMap;
  Secret: V1Secret;
  ServiceAccount: V1ServiceAccount;
  Service: V1Service;
  Pod: V1Pod;
  Event: CoreV1Event;
  Job: V1Job;
  Deployment: V1Deployment;
  NetworkPolicy: V1NetworkPolicy;
  PodDisruptionBudget: V1PodDisruptionBudget;
  Role: V1Role;
  RoleBinding: V1RoleBinding;
  Lease: V1Lease;
  EndpointSlice: V1EndpointSlice;
}
export type Kind = keyof KindTypes & keyof typeof kinds;

export function pathOf(kind: Kind, namespace: string, name?: string): string {
  const { apiVersion, plural } = kinds[kind];
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
}

/** What every object has once the server stores it. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    managedFields?: unknown;
    /** Times are text, as in the JSON. */
    creationTimestamp: string;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
  };
}

/** An object of the library's types as the server answers with it: its times are text. */
export type Live<T> = Omit<T, 'metadata'> & ApiObject;
export type LiveOf<K extends Kind> = Live<KindTypes[K]>;
export type Claim = LiveOf<'PersistentVolumeClaim'>;
export type Job = LiveOf<'Job'>;
export type Pod = LiveOf<'Pod'>;

/** An object as it is rendered. Plain data: the library's types are classes, which may not be spread. */
export type Manifest<T> = Omit<T, 'metadata'> & {
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: V1OwnerReference[];
  };
};
export type ManifestOf<K extends Kind> = Manifest<KindTypes[K]>;

/**
 * Checks what every reader relies on. A full check would cost too much for lists of thousands, and the library's types
 * make everything else optional.
 */
export function isLive<K extends Kind>(value: unknown, _kind: K): value is LiveOf<K> {
  if (!isRecord(value) || !isRecord(value['metadata'])) return false;
  const { name, uid, resourceVersion, creationTimestamp } = value['metadata'];
  return [name, uid, resourceVersion, creationTimestamp].every((each) => typeof each === 'string');
}
