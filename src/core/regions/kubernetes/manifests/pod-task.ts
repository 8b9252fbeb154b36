import type { V1Job } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { annotations, labels, metadataFor } from '../api/names.ts';
import { authorityOf, claimVolume, ecolinkContainer, environmentOf, podBase, smallResources } from './pods.ts';

export interface Errand {
  name: string;
  claim: string;
  /** Mounted here; the claim too is read-only unless `writes`. */
  mountPath: string;
  writes: boolean;
  args: readonly string[];
  deadlineSeconds: number;
  /** The volume that waits for its end, and the UID of the claim that it looks at. */
  about?: { volume: string; claim: string };
}

const keptSeconds = 120;

/** A pod that looks into a claim once and says what it saw. A Job, so that one which nobody waits for any more goes by itself. */
export function errandJob(config: KubernetesRegionConfig, errand: Errand): V1Job {
  const { about } = errand;
  const { name, namespace, ...shared } = metadataFor(config, {
    name: errand.name,
    labels: { [labels.name]: 'ecolink-errand', ...(about ? { [labels.volume]: about.volume } : {}) },
    annotations: about && { [annotations.claim]: about.claim },
  });
  const mount = { name: 'claim', mountPath: errand.mountPath, ...(errand.writes ? {} : { readOnly: true }) };
  const trusted = authorityOf(config);
  const mounts = [mount, { name: 'tmp', mountPath: '/tmp' }, ...trusted.mounts];
  const container = ecolinkContainer(config, 'errand', errand.args, mounts);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, ...shared },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: errand.deadlineSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: shared,
        spec: {
          ...podBase(config, config.run_as.user),
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              ...container,
              env: environmentOf({ HOME: '/tmp' }, trusted.environment, config.environment),
              resources: smallResources(config, '50m'),
            },
          ],
          volumes: [
            claimVolume('claim', errand.claim, !errand.writes),
            { name: 'tmp', emptyDir: {} },
            ...trusted.volumes,
          ],
        },
      },
    },
  };
}
