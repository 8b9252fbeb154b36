import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import { EcolinkError, unavailable } from '../../errors.ts';
import { newId } from '../../ids.ts';
import { ClusterAccess } from './access.ts';
import { KubernetesClient } from './client.ts';
import { runErrand } from './errands.ts';
import { classFindings, imageFindings, nodeLocalFindings, pluginFindings } from './examine-config.ts';
import { probeClaim } from './manifests/volume.ts';
import { nameFor } from './names.ts';
import { statusOf } from './status.ts';

/** One thing that was looked at in a region. */
export interface Finding {
  state: 'ok' | 'warning' | 'failed';
  said: string;
  fix?: string;
}

/**
 * Tries out what a launch will need: access, rights, and, with a small claim that is deleted again, the storage, the image
 * and the way to the Hub from inside a pod. Throws nothing for the region's sake.
 */
export async function examineRegion(config: KubernetesRegionConfig, hubEndpoint: string): Promise<Finding[]> {
  const { name: region, namespace, context, kubeconfig, in_cluster: inCluster } = config;
  const access = new ClusterAccess({ region, context, kubeconfig, inCluster });
  try {
    const client = new KubernetesClient({ region, namespace, access });
    const status = await statusOf(client, config);
    if (!status.reachable) {
      return [
        {
          state: 'failed',
          said: status.reason?.message ?? 'does not answer',
          fix: accessFixes[status.reason?.code ?? ''] ?? 'Correct its context, kubeconfig or network.',
        },
      ];
    }
    const missing = status.missingPermissions ?? [];
    if (missing.length > 0) {
      const fix = "Grant them to EcoLink's user in the namespace; docs/kubernetes.md lists the Role.";
      return [{ state: 'failed', said: `${status.version}; EcoLink may not: ${missing.join(', ')}`, fix }];
    }
    const classes = await classFindings(client, config);
    const blocked = classes.some(({ state }) => state === 'failed');
    const { storageClass } = status;
    const said = `${status.version}, namespace ${namespace}, storage class ${storageClass ?? 'unknown'}`;
    return [
      { state: 'ok', said },
      ...pluginFindings(access.plugin()),
      ...acceleratorFindings(status.accelerators ?? []),
      ...imageFindings(config),
      ...classes,
      ...(blocked ? [] : await tryOut(client, config, hubEndpoint)),
    ];
  } finally {
    await access.close();
  }
}

const accessFixes: Record<string, string> = {
  region_exec_plugin: 'Make a kubeconfig that needs no program: ecolink region add --write-kubeconfig.',
  region_unauthenticated: "Renew the token or certificate in the region's kubeconfig.",
};

function acceleratorFindings(found: readonly { name: string; total: number | null; free: number | null }[]): Finding[] {
  return found.map(({ name, total, free }) =>
    total === 0
      ? {
          state: 'warning',
          said: `no node offers ${name} now`,
          fix: 'Nodes may scale from zero; else check its resource and node_selector.',
        }
      : { state: 'ok', said: `${name}: ${total ?? 'unknown'} in all, ${free ?? 'unknown'} free` },
  );
}

async function tryOut(
  client: KubernetesClient,
  config: KubernetesRegionConfig,
  hubEndpoint: string,
): Promise<Finding[]> {
  const name = nameFor('probe', newId('p').slice(2, 14));
  const hub = config.hub_endpoint ?? hubEndpoint;
  const claim = await client
    .create<V1PersistentVolumeClaim>('PersistentVolumeClaim', probeClaim(config, name))
    .catch(asError);
  if (claim === undefined || claim instanceof EcolinkError)
    return [failed(`no volume: ${claim?.message ?? 'name taken'}`)];
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
      typeof answer['hub'] === 'number' && answer['hub'] < 500
        ? { state: 'ok', said: `${hub} answers pods` }
        : {
            state: 'warning',
            said: `${hub} does not answer from a pod (${String(answer['hub'])})`,
            fix: 'Set hub_endpoint, or proxy variables under environment. Models on shared filesystems work without it.',
          },
    ];
  } catch (thrown) {
    return [failed(asError(thrown).message)];
  } finally {
    await client.delete('PersistentVolumeClaim', name, claim.metadata.uid).catch(() => {});
  }
}

function failed(said: string): Finding {
  return {
    state: 'failed',
    said,
    fix: 'Correct what it names: storage_class, access_mode, ecolink_image or run_as of the region.',
  };
}

function asError(thrown: unknown): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  return unavailable('region_examined', (thrown as Error).message, { nextStep: 'Try again.' });
}
