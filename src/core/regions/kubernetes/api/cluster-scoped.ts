import type { V1PersistentVolume, V1StorageClass } from '@kubernetes/client-node';
import { EcolinkError } from '../../../base/errors.ts';
import type { KubernetesClient } from './client.ts';

/** What lies outside the namespace is read where it may be, and unknown elsewhere: nothing is refused for it. */
async function readOutside<T>(client: KubernetesClient, path: string, query = {}): Promise<T | undefined> {
  try {
    return (await client.raw('GET', path, undefined, query)) as T;
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return undefined;
    throw thrown;
  }
}

export async function listOutside<T>(client: KubernetesClient, path: string, query = {}): Promise<T[] | undefined> {
  return (await readOutside<{ items: T[] }>(client, path, query))?.items;
}

export function storageClasses(client: KubernetesClient): Promise<V1StorageClass[] | undefined> {
  return listOutside<V1StorageClass>(client, '/apis/storage.k8s.io/v1/storageclasses');
}

export function isDefaultClass({ metadata }: V1StorageClass): boolean {
  return metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
}

export function persistentVolume(client: KubernetesClient, name: string): Promise<V1PersistentVolume | undefined> {
  return readOutside<V1PersistentVolume>(client, `/api/v1/persistentvolumes/${name}`);
}
