import { z } from 'zod';
import { EcolinkError } from '../../../base/errors.ts';
import type { KubernetesClient } from './client.ts';

const words = z.record(z.string(), z.string()).optional();
const metadata = z.object({ name: z.string(), labels: words, annotations: words });

const nodeSchema = z.object({ metadata, status: z.object({ allocatable: words }).optional() });
export type ClusterNode = z.infer<typeof nodeSchema>;

const podSchema = z.object({
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(z.object({ resources: z.object({ requests: words }).optional() })),
  }),
});
export type ClusterPod = z.infer<typeof podSchema>;

const classSchema = z.object({ metadata, reclaimPolicy: z.string().optional() });
export type StorageClass = z.infer<typeof classSchema>;

const requirement = z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() });
const nodeTerm = z.object({
  matchExpressions: z.array(requirement).optional(),
  matchFields: z.array(requirement).optional(),
});
export type NodeRequirement = z.infer<typeof requirement>;
export type NodeTerm = z.infer<typeof nodeTerm>;

const volumeSchema = z.object({
  spec: z.object({
    persistentVolumeReclaimPolicy: z.string().optional(),
    nodeAffinity: z.object({ required: z.object({ nodeSelectorTerms: z.array(nodeTerm) }).optional() }).optional(),
  }),
});
export type PersistentVolume = z.infer<typeof volumeSchema>;

/**
 * Objects outside the namespace. Returns undefined if EcoLink may not read them or the server does not answer: nothing
 * depends on them. An object that is not as expected is left out.
 */
export function listNodes(client: KubernetesClient): Promise<ClusterNode[] | undefined> {
  return listClusterScoped(client, '/api/v1/nodes', nodeSchema);
}

/** The pods of all namespaces that have not ended. Undefined as in `listNodes`. */
export function listRunningPods(client: KubernetesClient): Promise<ClusterPod[] | undefined> {
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
  return listClusterScoped(client, '/api/v1/pods', podSchema, { fieldSelector });
}

/** Undefined as in `listNodes`. */
export function listStorageClasses(client: KubernetesClient): Promise<StorageClass[] | undefined> {
  return listClusterScoped(client, '/apis/storage.k8s.io/v1/storageclasses', classSchema);
}

export function isDefaultClass({ metadata: { annotations } }: StorageClass): boolean {
  return annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
}

/** Undefined as in `listNodes`, and if there is no such volume. */
export function readPersistentVolume(client: KubernetesClient, name: string): Promise<PersistentVolume | undefined> {
  return unlessRefused(client.raw('GET', `/api/v1/persistentvolumes/${name}`, volumeSchema));
}

const listSchema = z.object({ items: z.array(z.unknown()) });

async function listClusterScoped<T>(
  client: KubernetesClient,
  path: string,
  schema: z.ZodType<T>,
  query: Record<string, string> = {},
): Promise<T[] | undefined> {
  const list = await unlessRefused(client.raw('GET', path, listSchema, { query }));
  return list?.items.flatMap((item) => schema.safeParse(item).data ?? []);
}

async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return undefined;
    throw thrown;
  }
}
