import type { V1ConfigMap, V1Job, V1OwnerReference, V1PodSpec, V1Secret } from '@kubernetes/client-node';
import { fail } from '../../../base/errors.ts';
import { fieldRef, say } from '../../../base/prose.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { pullFailures } from '../../../download/manifest.ts';
import type { PullManifest } from '../../../download/manifest.ts';
import type { Manifest } from '../api/kinds.ts';
import { annotations, attemptName, labels, metadataFor } from '../api/names.ts';
import { downloadClaimName } from './clone.ts';
import { downloadPlacement } from './placement.ts';
import { authorityOf, claimVolume, ecolinkContainer, environmentOf, podBase } from './pods.ts';

export interface Download {
  key: string;
  attempt: number;
  /** The UID of the claim that it fills. */
  claim: string;
  manifest: PullManifest;
  withToken: boolean;
  /** The accelerators of the volume's readers. Undefined if there are no readers yet. */
  accelerators?: readonly string[] | undefined;
  /** Claims of complete volumes. The pod takes files of equal content from them. */
  donors?: readonly string[] | undefined;
  /** The complete claim that its own is a clone of. */
  cloned?: string | undefined;
}

const pullContainer = 'pull';
/** Finished downloads are kept for a day, so that people can read their log. */
const keptSeconds = 86_400;
/** The limit of a ConfigMap, less room for its metadata, in bytes. */
const manifestLimit = 1_000_000;
const retries = 3;
/** The exit status after SIGKILL. Memory is the usual cause, and the next pod would have no more memory. */
const killedStatus = 137;

/**
 * One attempt to fill a volume. The Job is created suspended, and its creation is the lock. Only the winner adds the file
 * list and the token, and then lets it run. So no pod waits for either.
 */
export function downloadJob(config: KubernetesRegionConfig, download: Download): Manifest<V1Job> {
  const { key, attempt, claim, manifest, withToken, donors = [], cloned } = download;
  const { name, namespace, ...shared } = metadataFor(config, {
    name: attemptName(key, attempt),
    labels: labelsOf(download),
    annotations: { [annotations.repo]: manifest.repo, [annotations.commit]: manifest.commit },
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
        ...(withToken && { [annotations.token]: 'held' }),
        ...(donors.length > 0 && { [annotations.donors]: donors.join(',') }),
        ...(cloned !== undefined && { [annotations.cloned]: cloned }),
      },
    },
    spec: {
      suspend: true,
      backoffLimit: retries,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: keptSeconds,
      podFailurePolicy: { rules: failureRules() },
      template: { metadata: shared, spec: podSpec(config, download) },
    },
  };
}

function labelsOf({ key, attempt }: Download): Record<string, string> {
  return { [labels.name]: 'ecolink-download', [labels.volume]: key, [labels.attempt]: String(attempt) };
}

function failureRules() {
  const permanent = Object.values(pullFailures).filter(({ retryable }) => !retryable);
  const values = [...permanent.map(({ status }) => status), killedStatus];
  return [
    // The loss of a node says nothing about the download.
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'FailJob', onExitCodes: { containerName: pullContainer, operator: 'In', values } },
  ];
}

function podSpec(config: KubernetesRegionConfig, download: Download): V1PodSpec {
  const { key, attempt, withToken, accelerators, donors = [] } = download;
  const args = ['pull', '--manifest', '/manifest/manifest.json', '--target', '/volume', '--attempt', String(attempt)];
  if (withToken) args.push('--token-file', '/token/token');
  for (const donor of donors) args.push('--from', `/donors/${donor}`);
  const trusted = authorityOf(config);
  const container = ecolinkContainer(config, pullContainer, args, [
    { name: 'volume', mountPath: '/volume' },
    { name: 'manifest', mountPath: '/manifest', readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
    ...(withToken ? [{ name: 'token', mountPath: '/token', readOnly: true }] : []),
    ...donors.map((donor, index) => ({ name: `donor-${index}`, mountPath: `/donors/${donor}`, readOnly: true })),
    ...trusted.mounts,
  ]);
  const env = environmentOf({ HOME: '/tmp' }, trusted.environment, config.environment);
  // Only the pod's group may read the token.
  const token = { name: 'token', secret: { secretName: attemptName(key, attempt), defaultMode: 0o440 } };
  return {
    ...podBase(config, config.run_as.user),
    ...downloadPlacement(config, accelerators),
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 30,
    containers: [{ ...container, env, resources: config.download_resources }],
    volumes: [
      claimVolume('volume', downloadClaimName(config, key), false),
      { name: 'manifest', configMap: { name: attemptName(key, attempt) } },
      { name: 'tmp', emptyDir: {} },
      ...(withToken ? [token] : []),
      ...donors.map((donor, index) => claimVolume(`donor-${index}`, donor, true)),
      ...trusted.volumes,
    ],
  };
}

/** The file list of one attempt. Throws `manifest_too_large` if it does not fit into a ConfigMap. */
export function manifestMap(
  config: KubernetesRegionConfig,
  download: Download,
  owner: V1OwnerReference,
): Manifest<V1ConfigMap> {
  const { manifest } = download;
  const endpoint = config.hub_endpoint?.replace(/\/+$/, '') ?? manifest.endpoint;
  const text = JSON.stringify({ ...manifest, endpoint });
  if (Buffer.byteLength(text) > manifestLimit) {
    throw fail('manifest_too_large', `The model has ${manifest.files.length} files. A download cannot list so many.`, {
      nextStep: say`Register the model with fewer files: use the patterns ${fieldRef('include')} and ${fieldRef('exclude')}.`,
    });
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(config, download, owner),
    immutable: true,
    data: { 'manifest.json': text },
  };
}

/** The token of one attempt. Only its pod mounts it. The owner is a second safeguard: the Secret goes with its Job. */
export function tokenSecret(
  config: KubernetesRegionConfig,
  download: Download,
  owner: V1OwnerReference,
  token: string,
): Manifest<V1Secret> {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(config, download, owner),
    immutable: true,
    type: 'Opaque',
    stringData: { token },
  };
}

function ownedMetadata(config: KubernetesRegionConfig, download: Download, owner: V1OwnerReference) {
  const name = attemptName(download.key, download.attempt);
  return { ...metadataFor(config, { name, labels: labelsOf(download) }), ownerReferences: [owner] };
}
