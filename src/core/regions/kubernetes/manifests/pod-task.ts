import type { V1Job } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { Manifest } from '../api/kinds.ts';
import { annotations, labels, metadataFor } from '../api/names.ts';
import { authorityOf, claimVolume, ecolinkContainer, environmentOf, podBase, smallResources } from './pods.ts';

export interface PodTask {
  name: string;
  claim: string;
  mountPath: string;
  /** Unless true, the claim and its mount are read-only. */
  writes: boolean;
  args: readonly string[];
  deadlineSeconds: number;
  /** The volume that waits for this task, and the UID of the claim that it looks at. */
  about?: { volume: string; claim: string };
}

/** Clusters know pod tasks by this name: it may not change. */
export const podTaskContainer = 'errand';
export const podTaskLabel = 'ecolink-errand';

const keptSeconds = 120;

/** A pod that looks into a claim once and prints what it sees. It is a Job, so that the cluster removes it afterwards. */
export function podTaskJob(config: KubernetesRegionConfig, task: PodTask): Manifest<V1Job> {
  const { about } = task;
  const { name, namespace, ...shared } = metadataFor(config, {
    name: task.name,
    labels: { [labels.name]: podTaskLabel, ...(about && { [labels.volume]: about.volume }) },
    annotations: about && { [annotations.claim]: about.claim },
  });
  const trusted = authorityOf(config);
  const container = ecolinkContainer(config, podTaskContainer, task.args, [
    { name: 'claim', mountPath: task.mountPath, readOnly: task.writes ? undefined : true },
    { name: 'tmp', mountPath: '/tmp' },
    ...trusted.mounts,
  ]);
  const env = environmentOf({ HOME: '/tmp' }, trusted.environment, config.environment);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, ...shared },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: task.deadlineSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: shared,
        spec: {
          ...podBase(config, config.run_as.user),
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 5,
          containers: [{ ...container, env, resources: smallResources(config, '50m') }],
          volumes: [claimVolume('claim', task.claim, !task.writes), { name: 'tmp', emptyDir: {} }, ...trusted.volumes],
        },
      },
    },
  };
}
