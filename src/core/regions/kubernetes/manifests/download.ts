import type { V1ConfigMap, V1Job, V1OwnerReference, V1PodSpec, V1Secret } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { pullFailures } from '../../../download/manifest.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import { fail } from '../../../base/errors.ts';
import { annotations, attemptName, labels, metadataFor } from '../api/names.ts';
import { filledName } from './share.ts';
import { downloadPlacement } from './placement.ts';
import { authorityOf, claimVolume, ecolinkContainer, environmentOf, podBase } from './pods.ts';

export interface Download {
  key: string;
  attempt: number;
  /** UID of the claim that it fills. */
  claim: string;
  manifest: PullManifest;
  withToken: boolean;
  /** Of those who will read it; unknown where nobody reads it yet. */
  accelerators?: readonly string[] | undefined;
}

const pullContainer = 'pull';
/** Finished downloads stay a day, for whoever wants to read their log. */
const keptSeconds = 86_400;
/** What a ConfigMap can hold, with room for its metadata. */
const manifestLimit = 1_000_000;
const retries = 3;
/** SIGKILL, most of the time for memory: the next pod would have no more of it. */
const killed = 137;

/**
 * One attempt at filling a volume. Made suspended: its creation is the lock, and only the winner puts the manifest and the
 * token beside it and lets it run, so that no pod waits for either.
 */
export function downloadJob(config: KubernetesRegionConfig, download: Download): V1Job {
  const { key, attempt, claim, manifest, withToken } = download;
  const ownLabels = {
    [labels.name]: 'ecolink-download',
    [labels.volume]: key,
    [labels.attempt]: String(attempt),
  };
  const told = { [annotations.repo]: manifest.repo, [annotations.commit]: manifest.commit };
  const { name, namespace, ...shared } = metadataFor(config, {
    name: attemptName(key, attempt),
    labels: ownLabels,
    annotations: told,
  });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace,
      ...shared,
      annotations: {
        ...shared.annotations,
        [annotations.claim]: claim,
        ...(withToken ? { [annotations.token]: 'held' } : {}),
      },
    },
    spec: {
      suspend: true,
      backoffLimit: retries,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: keptSeconds,
      podFailurePolicy: {
        rules: [
          // A drained or lost node says nothing about the download.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailJob',
            onExitCodes: { containerName: pullContainer, operator: 'In', values: permanentStatuses() },
          },
        ],
      },
      template: { metadata: shared, spec: podSpec(config, download) },
    },
  };
}

function permanentStatuses(): number[] {
  const permanent = Object.values(pullFailures).filter(({ retryable }) => !retryable);
  return [...permanent.map(({ status }) => status), killed];
}

function podSpec(config: KubernetesRegionConfig, { key, attempt, withToken, accelerators }: Download): V1PodSpec {
  const args = ['pull', '--manifest', '/manifest/manifest.json', '--target', '/volume', '--attempt', String(attempt)];
  if (withToken) args.push('--token-file', '/token/token');
  const trusted = authorityOf(config);
  const container = ecolinkContainer(config, pullContainer, args, [
    { name: 'volume', mountPath: '/volume' },
    { name: 'manifest', mountPath: '/manifest', readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    ...(withToken ? [{ name: 'token', mountPath: '/token', readOnly: true }] : []),
    ...trusted.mounts,
  ]);
  return {
    ...podBase(config, config.run_as.user),
    ...downloadPlacement(config, accelerators),
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 30,
    containers: [
      {
        ...container,
        env: environmentOf({ HOME: '/tmp' }, trusted.environment, config.environment),
        resources: config.download_resources,
      },
    ],
    volumes: [
      claimVolume('volume', filledName(config, key), false),
      { name: 'manifest', configMap: { name: attemptName(key, attempt) } },
      { name: 'tmp', emptyDir: {} },
      // Readable by the pod's group alone.
      ...(withToken ? [{ name: 'token', secret: { secretName: attemptName(key, attempt), defaultMode: 0o440 } }] : []),
      ...trusted.volumes,
    ],
  };
}

/** The file list of an attempt. Throws where it does not fit into an object of the cluster. */
export function manifestMap(config: KubernetesRegionConfig, download: Download, owner: V1OwnerReference): V1ConfigMap {
  const endpoint = config.hub_endpoint?.replace(/\/+$/, '') ?? download.manifest.endpoint;
  const text = JSON.stringify({ ...download.manifest, endpoint });
  if (Buffer.byteLength(text) > manifestLimit) {
    throw fail(
      'manifest_too_large',
      `The selection has ${download.manifest.files.length} files, too many for one download.`,
      {
        nextStep: 'Register the model with include or exclude patterns that leave fewer files.',
      },
    );
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedBy(config, download, owner),
    immutable: true,
    data: { 'manifest.json': text },
  };
}

/** The token of one attempt, mounted by its pod alone. The owner is the backstop: it is deleted with the attempt's end. */
export function tokenSecret(
  config: KubernetesRegionConfig,
  download: Download,
  owner: V1OwnerReference,
  token: string,
): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedBy(config, download, owner),
    immutable: true,
    type: 'Opaque',
    stringData: { token },
  };
}

function ownedBy(config: KubernetesRegionConfig, { key, attempt }: Download, owner: V1OwnerReference) {
  return {
    ...metadataFor(config, {
      name: attemptName(key, attempt),
      labels: { [labels.name]: 'ecolink-download', [labels.volume]: key, [labels.attempt]: String(attempt) },
    }),
    ownerReferences: [owner],
  };
}
