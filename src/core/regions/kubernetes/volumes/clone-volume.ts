import type { Reason } from '../../../base/reason.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning } from '../api/events.ts';
import type { Claim } from '../api/kinds.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { cloneCheckJob, cloneCheckName, cloneClaim } from '../manifests/clone.ts';
import { endOf } from '../pods/job-end.ts';
import { isForClaim } from './download-state.ts';

interface CloneDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

/** How far the clone is. */
export type CloneState =
  | { state: 'under_way'; reason: Reason }
  | { state: 'done' }
  | { state: 'failed'; message: string };

/**
 * Makes a clone that many nodes can read, from a complete claim that only one node at a time can mount. A pod then mounts
 * the clone and looks for the completion manifest. Each call does the next step and says how far it is.
 */
export async function cloneVolume(
  deps: CloneDeps,
  key: string,
  source: Claim,
  clone: Claim | undefined,
): Promise<CloneState> {
  const { client, config, mirrors } = deps;
  if (clone?.metadata.deletionTimestamp !== undefined) {
    // The pod of its check would keep the clone for ever, even after the pod ended.
    await endCloneCheck(deps, key);
    return underWay();
  }
  if (!clone) {
    const created = await client.create('PersistentVolumeClaim', cloneClaim(config, key, source));
    if (created) mirrors.claims.put(created);
    return underWay();
  }
  const job = await mirrors.jobs.get(cloneCheckName(key));
  if (!job || !isForClaim(job, clone.metadata.uid)) {
    if (job) await client.delete('Job', job.metadata.name, job.metadata.uid);
    const created = await client.create('Job', cloneCheckJob(config, key, clone));
    if (created) mirrors.jobs.put(created);
    return underWay();
  }
  const end = endOf(job);
  if (end === undefined) return underWay(await lastWarning(client, clone));
  if (end === 'complete') return { state: 'done' };
  await deleteClone(deps, key, clone);
  return { state: 'failed', message: 'The clone for several nodes is incomplete, or it was never ready.' };
}

/** Deletes the clone. The next `cloneVolume` makes another. */
export async function deleteClone({ client, mirrors }: CloneDeps, key: string, clone: Claim): Promise<void> {
  await endCloneCheck({ client, mirrors }, key);
  await client.delete('PersistentVolumeClaim', clone.metadata.name, clone.metadata.uid);
  mirrors.claims.forget(clone);
}

export async function endCloneCheck(
  { client, mirrors }: Pick<CloneDeps, 'client' | 'mirrors'>,
  key: string,
): Promise<void> {
  const job = await mirrors.jobs.get(cloneCheckName(key));
  if (!job) return;
  await client.delete('Job', job.metadata.name, job.metadata.uid);
  mirrors.jobs.forget(job);
}

function underWay(warning?: string): CloneState {
  const message = 'The storage clones the volume, so that several nodes can read it.';
  return {
    state: 'under_way',
    reason: { code: 'volume_sharing', message: warning ? `${message} ${warning}` : message },
  };
}
