import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { NewId } from '../../../base/ids.ts';
import { say, task } from '../../../base/prose.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { RegionStatus } from '../../../region/region.ts';
import { ClusterAccess } from '../api/access.ts';
import { KubernetesClient } from '../api/client.ts';
import { nameFor } from '../api/names.ts';
import { ownNamespace } from '../api/own-namespace.ts';
import { Ownership } from '../api/ownership.ts';
import { systemError } from '../api/system-error.ts';
import { probeClaim } from '../manifests/volume.ts';
import { runPodTask } from '../pods/pod-task.ts';
import { probeAnswer } from '../pods/task-answers.ts';
import {
  checkAccelerators,
  checkImage,
  checkNamespace,
  checkNodeLocalStorage,
  checkPlugin,
  checkReach,
  checkStorageClass,
} from './check-config.ts';
import type { CheckResult } from './check-result.ts';
import { fixFor } from './fixes.ts';
import { statusOf } from './status.ts';

export interface CheckRegionOptions {
  config: KubernetesRegionConfig;
  hubEndpoint: string;
  /** The identity of EcoLink's store. Empty if the store does not exist yet, undefined if it cannot be read. */
  store: string | undefined;
  clock: Clock;
  newId: NewId;
}

interface CheckDeps extends CheckRegionOptions {
  access: ClusterAccess;
  client: KubernetesClient;
}

/**
 * Tries what a launch will need: access and rights; then, with a small claim that is deleted again, the storage, the
 * image, and the way to the Hub from a pod. A problem of the region is a result, not an error.
 */
export async function checkRegion(options: CheckRegionOptions): Promise<CheckResult[]> {
  const { config, clock } = options;
  const { name: region, namespace, context, kubeconfig, in_cluster: inCluster } = config;
  const access = new ClusterAccess({ region, context, kubeconfig, inCluster, clock });
  try {
    const client = new KubernetesClient({ region, namespace, access, clock });
    const deps = { ...options, access, client };
    const status = await statusOf(client, config);
    const refused = (await checkAccess(deps, status)) ?? (await checkOwner(deps));
    if (refused) return [refused];
    const classes = await checkStorageClass(client, config);
    const hasClass = classes.every(({ state }) => state !== 'failed');
    const storage =
      status.storageClass === undefined ? 'the default storage class' : `storage class ${status.storageClass}`;
    return [
      { state: 'ok', said: `${status.version}, namespace ${namespace}, ${storage}` },
      ...checkPlugin(region, access.plugin()),
      ...checkNamespace(config, ownNamespace()),
      ...checkReach(config),
      ...checkAccelerators(status.accelerators ?? []),
      ...checkImage(config),
      ...classes,
      ...(hasClass ? await tryPod(deps) : []),
    ];
  } finally {
    await access.close();
  }
}

async function checkAccess(
  { client, access, config }: CheckDeps,
  status: RegionStatus,
): Promise<CheckResult | undefined> {
  try {
    const { server } = await access.current();
    if (!status.reachable) {
      const said = `${server}: ${status.reason?.message ?? 'no answer'}`;
      return { state: 'failed', said, fix: fixFor(status.reason?.code ?? '', said) };
    }
  } catch (thrown) {
    const { message, nextStep } = asError(thrown);
    return { state: 'failed', said: message, fix: nextStep };
  }
  if (!status.missingPermissions) return undefined;
  const proxied = config.reach === 'api-proxy' ? ", with the rights for the API server's proxy" : '';
  return {
    state: 'failed',
    said: `${await userOf(client)}: ${status.reason?.message}`,
    fix: say`Print the Role for the namespace ${config.namespace}${proxied}, and bind it to that user: ${task('add_region', config.name)}. If the chart made the Role, run helm upgrade.`,
  };
}

const selfReview = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) });

/** The cluster's name for EcoLink's user. */
async function userOf(client: KubernetesClient): Promise<string> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await client.raw('POST', path, selfReview, { body }).catch(() => undefined);
  return `as ${answer?.status.userInfo.username ?? 'the user of its kubeconfig'}`;
}

async function checkOwner({ config, client, store, clock }: CheckDeps): Promise<CheckResult | undefined> {
  if (store === undefined) return undefined;
  const error = await new Ownership({ config, client, clock, store }).refusal().catch(asError);
  return error && { state: 'failed', said: error.message, fix: error.nextStep };
}

/** Runs a pod with a small claim, and deletes both. */
async function tryPod(deps: CheckDeps): Promise<CheckResult[]> {
  const { client, config, newId } = deps;
  const name = nameFor('probe', newId('p').slice(2, 14));
  const claim = await client.create('PersistentVolumeClaim', probeClaim(config, name)).catch(asError);
  if (claim === undefined) return [];
  if (claim instanceof EcolinkError) return [failedResult(config, claim)];
  try {
    const hub = config.hub_endpoint ?? deps.hubEndpoint;
    const args = ['probe-region', '--target', '/volume', '--path', hub];
    const probe = { claim: name, mountPath: '/volume', writes: true, args, deadlineSeconds: 150 };
    const answer = await runPodTask(deps, probe, probeAnswer);
    return [
      { state: 'ok', said: `a ${config.access_mode} volume and the image ${config.ecolink_image} work` },
      ...(await checkNodeLocalStorage(client, config, name)),
      hubResult(hub, answer.hub),
    ];
  } catch (thrown) {
    return [failedResult(config, asError(thrown))];
  } finally {
    await client.delete('PersistentVolumeClaim', name, claim.metadata.uid).catch(() => {});
  }
}

/** Statuses with which a proxy refuses a call in the Hub's place. */
const proxyStatuses = new Set([403, 407, 451]);

/** `answer`: the Hub's HTTP status, or the code of a network error. */
function hubResult(hub: string, answer: number | string): CheckResult {
  if (typeof answer === 'number' && answer < 500 && !proxyStatuses.has(answer))
    return { state: 'ok', said: `pods reach the Hub at ${hub}` };
  return {
    state: 'warning',
    said: `pods do not reach the Hub at ${hub} (${answer})`,
    fix: 'Set hub_endpoint, or proxy variables under environment. Models on shared filesystems work without the Hub.',
  };
}

function failedResult(config: KubernetesRegionConfig, { code, message }: EcolinkError): CheckResult {
  const { user, group, fs_group: fsGroup } = config.run_as;
  const who = `user ${user}, group ${group}, fsGroup ${fsGroup}`;
  const said = code === 'folder_unreadable' ? `a new volume cannot be written to by ${who}: ${message}` : message;
  return { state: 'failed', said, fix: fixFor(code, said) };
}

function asError(thrown: unknown): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  return fail('region_examined', systemError(thrown).message, { nextStep: 'Try again.', cause: thrown });
}
