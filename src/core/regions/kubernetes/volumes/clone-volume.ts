import type { V1Job, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { Reason } from '../../../base/reason.ts';
import type { KubernetesClient } from '../api/client.ts';
import { endOf } from '../pods/job-end.ts';
import { fills } from './download-state.ts';
import { lastWarning } from '../api/events.ts';
import type { Live } from '../api/kinds.ts';
import { sharedClaim, shareJob, shareName } from '../manifests/share.ts';
import type { Mirrors } from '../api/mirrors.ts';

interface Deps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  mirrors: Mirrors;
}

type Claim = Live<V1PersistentVolumeClaim>;

/** How far the copy is that many nodes can read. */
export type Sharing = { state: 'under_way'; reason: Reason } | { state: 'done' } | { state: 'failed'; message: string };

/**
 * From a claim that one node at a time can mount and that is complete, makes one that many can read: a clone, and a pod
 * that mounts it and finds the completion manifest in it. Each call does what is missing and says how far it is.
 */
export async function shareVolume(deps: Deps, key: string, filled: Claim, shared: Claim | undefined): Promise<Sharing> {
  const { client, config, mirrors } = deps;
  if (shared?.metadata.deletionTimestamp !== undefined) {
    // Its pod, ended or not, would hold it back for ever.
    await endSharing(deps, key);
    return underWay();
  }
  if (!shared) {
    const made = await client.create<V1PersistentVolumeClaim>(
      'PersistentVolumeClaim',
      sharedClaim(config, key, filled),
    );
    if (made) mirrors.claims.put(made);
    return underWay();
  }
  const job = await mirrors.jobs.get(shareName(key));
  if (!job || !fills(job, shared.metadata.uid)) {
    if (job) await client.delete('Job', job.metadata.name, job.metadata.uid);
    const made = await client.create<V1Job>('Job', shareJob(config, key, shared));
    if (made) mirrors.jobs.put(made);
    return underWay();
  }
  const end = endOf(job);
  if (end === undefined) return underWay(await lastWarning(client, shared));
  if (end === 'complete') return { state: 'done' };
  await unshare(deps, key, shared);
  return { state: 'failed', message: `The clone that several nodes could read is not complete, or never got ready.` };
}

/** Takes the copy back, so that the next look makes another. */
export async function unshare({ client, mirrors }: Deps, key: string, shared: Claim): Promise<void> {
  await endSharing({ client, mirrors }, key);
  await client.delete('PersistentVolumeClaim', shared.metadata.name, shared.metadata.uid);
  mirrors.claims.forget(shared);
}

export async function endSharing({ client, mirrors }: Pick<Deps, 'client' | 'mirrors'>, key: string): Promise<void> {
  const job = await mirrors.jobs.get(shareName(key));
  if (!job) return;
  await client.delete('Job', job.metadata.name, job.metadata.uid);
  mirrors.jobs.forget(job);
}

function underWay(warning?: string): Sharing {
  const message = 'The storage clones the volume, so that several nodes can read it.';
  return {
    state: 'under_way',
    reason: { code: 'volume_sharing', message: warning ? `${message} ${warning}` : message },
  };
}
