import { plainWords } from '../../../base/prose.ts';
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import { randomId } from '../../../base/ids.ts';
import type { RegionStatus } from '../../../region/region.ts';
import { ClusterAccess } from '../api/access.ts';
import { KubernetesClient } from '../api/client.ts';
import { runErrand } from '../pods/pod-task.ts';
import {
  acceleratorFindings,
  classFindings,
  imageFindings,
  nodeLocalFindings,
  pluginFindings,
  reachFindings,
} from './check-config.ts';
import { fixFor } from './fixes.ts';
import type { Finding } from './check-result.ts';
import { probeClaim } from '../manifests/volume.ts';
import { nameFor } from '../api/names.ts';
import { Ownership } from '../api/ownership.ts';
import { statusOf } from './status.ts';

/**
 * Tries out what a launch will need: access, rights, and, with a small claim that is deleted again, the storage, the image
 * and the way to the Hub from inside a pod. `store` is the identity of EcoLink's own, empty where none was made yet, undefined where it cannot be read. Throws
 * nothing for the region's sake.
 */
export async function examineRegion(
  config: KubernetesRegionConfig,
  hubEndpoint: string,
  store: string | undefined,
): Promise<Finding[]> {
  const { name: region, namespace, context, kubeconfig, in_cluster: inCluster } = config;
  const access = new ClusterAccess({ region, context, kubeconfig, inCluster });
  try {
    const client = new KubernetesClient({ region, namespace, access });
    const status = await statusOf(client, config);
    const barred = (await noAccess(client, access, config, status)) ?? (await takenBy(client, config, store));
    if (barred) return [barred];
    const classes = await classFindings(client, config);
    const blocked = classes.some(({ state }) => state === 'failed');
    const storage =
      status.storageClass === undefined ? 'the default storage class' : `storage class ${status.storageClass}`;
    return [
      { state: 'ok', said: `${status.version}, namespace ${namespace}, ${storage}` },
      ...pluginFindings(access.plugin()),
      ...reachFindings(config),
      ...acceleratorFindings(status.accelerators ?? []),
      ...imageFindings(config),
      ...classes,
      ...(blocked ? [] : await tryOut(client, config, hubEndpoint)),
    ];
  } finally {
    await access.close();
  }
}

async function noAccess(
  client: KubernetesClient,
  access: ClusterAccess,
  config: KubernetesRegionConfig,
  status: RegionStatus,
): Promise<Finding | undefined> {
  try {
    const { server } = await access.current();
    if (!status.reachable) {
      const said = `${server}: ${status.reason?.message ?? 'no answer'}`;
      return { state: 'failed', said, fix: fixFor(status.reason?.code ?? '', said) };
    }
  } catch (thrown) {
    const { message, nextStep } = asError(thrown);
    return { state: 'failed', said: message, fix: plainWords(nextStep) };
  }
  if (!status.missingPermissions) return undefined;
  const proxied = config.reach === 'api-proxy' ? ' --api-proxy' : '';
  const role = `ecolink region add ${config.name} --namespace ${config.namespace}${proxied}`;
  return {
    state: 'failed',
    said: `${await userOf(client)}: ${status.reason?.message}`,
    fix: `Bind the Role that "${role}" prints to that user; where the chart made it, run helm upgrade.`,
  };
}

/** As the cluster calls whoever EcoLink is there. */
async function userOf(client: KubernetesClient): Promise<string> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = (await client.raw('POST', path, review).catch(() => undefined)) as
    | { status?: { userInfo?: { username?: string } } }
    | undefined;
  return `as ${answer?.status?.userInfo?.username ?? 'the user of its kubeconfig'}`;
}

async function takenBy(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  store: string | undefined,
): Promise<Finding | undefined> {
  if (store === undefined) return undefined;
  const reason = await new Ownership({ config, client, store }).refusal().catch(asError);
  return reason && { state: 'failed', said: reason.message, fix: plainWords(reason.nextStep) };
}

async function tryOut(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  hubEndpoint: string,
): Promise<Finding[]> {
  const name = nameFor('probe', randomId('p').slice(2, 14));
  const hub = config.hub_endpoint ?? hubEndpoint;
  const claim = await client
    .create<V1PersistentVolumeClaim>('PersistentVolumeClaim', probeClaim(config, name))
    .catch(asError);
  if (claim === undefined) return [];
  if (claim instanceof EcolinkError) return [failed(config, claim)];
  try {
    const answer = await runErrand(client, config, {
      claim: name,
      mountPath: '/volume',
      writes: true,
      args: ['probe-region', '--target', '/volume', '--path', hub],
      deadlineSeconds: 150,
    });
    return [
      { state: 'ok', said: `a ${config.access_mode} volume and the image ${config.ecolink_image} work` },
      ...(await nodeLocalFindings(client, config, name)),
      hubFinding(hub, answer['hub']),
    ];
  } catch (thrown) {
    return [failed(config, asError(thrown))];
  } finally {
    await client.delete('PersistentVolumeClaim', name, claim.metadata.uid).catch(() => {});
  }
}

/** A proxy in between answers by itself what it does not let through. */
const proxyStatuses = new Set([403, 407, 451]);

function hubFinding(hub: string, answer: unknown): Finding {
  if (typeof answer === 'number' && answer < 500 && !proxyStatuses.has(answer))
    return { state: 'ok', said: `pods reach the Hub at ${hub}` };
  return {
    state: 'warning',
    said: `pods do not reach the Hub at ${hub} (${String(answer)})`,
    fix: 'Set hub_endpoint, or proxy variables under environment. Models on shared filesystems work without it.',
  };
}

function failed(config: KubernetesRegionConfig, { code, message }: EcolinkError): Finding {
  const { user, group, fs_group: fsGroup } = config.run_as;
  const who = `user ${user}, group ${group}, fsGroup ${fsGroup}`;
  const said = code === 'folder_unreadable' ? `a new volume cannot be written to by ${who}: ${message}` : message;
  return { state: 'failed', said, fix: fixFor(code, said) };
}

function asError(thrown: unknown): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  return fail('region_examined', (thrown as Error).message, { nextStep: 'Try again.' });
}
