import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/base/clock.ts';
import { addRegion, regionManifests } from '../../src/core/regions/kubernetes/doctor/add-region.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { keyFor, manifest, openRegion, workloadOf } from './support/regions.ts';

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const region = { name: 'eu', namespace: 'fresh', reach: 'in-cluster', clusterReader: false } as const;

test('the new kubeconfig allows launches in its namespace and nothing else', async () => {
  await plane.call('POST', '/api/v1/namespaces', { metadata: { name: 'fresh' } });
  const made = await addRegion(region, { kubeconfig: await plane.kubeconfig('admin'), clock: systemClock });
  // The test server has another certificate than the one that ServiceAccounts get.
  const kubeconfig = join(plane.dir, 'fresh.kubeconfig');
  const text = JSON.stringify(made).replace(/"certificate-authority-data":"[^"]*"/, '"insecure-skip-tls-verify":true');
  await writeFile(kubeconfig, text);
  await using opened = await openRegion(plane, 'fresh', { kubeconfig });
  expect((await opened.status()).missingPermissions).toBeUndefined();
  await opened.startDownload(keyFor('any'), manifest, 1, 'hf_secret');
  await opened.applyWorkload(workloadOf(keyFor('any')));
  expect(await opened.listWorkloads()).toEqual([7]);
  await using elsewhere = await openRegion(plane, 'default', { kubeconfig });
  await expect(elsewhere.listWorkloads()).rejects.toMatchObject({ code: 'region_forbidden' });
  // A second run changes nothing.
  await addRegion(region, { kubeconfig: await plane.kubeconfig('admin'), clock: systemClock });
});

test('no manifest lets EcoLink read a Secret', () => {
  for (const reach of ['in-cluster', 'api-proxy'] as const) {
    const roles = regionManifests({ ...region, reach, clusterReader: true }) as {
      rules?: { resources: string[]; verbs: string[] }[];
    }[];
    const verbs = roles
      .flatMap((role) => role.rules ?? [])
      .filter((rule) => rule.resources.includes('secrets'))
      .flatMap((rule) => rule.verbs);
    expect(verbs).toEqual(['create', 'delete']);
  }
});

test('an error names the missing program that a kubeconfig calls', async () => {
  const kubeconfig = join(plane.dir, 'exec.kubeconfig');
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-program', interactiveMode: 'Never' };
  await writeFile(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: plane.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  await using opened = await openRegion(plane, 'default', { kubeconfig });
  expect(await opened.status()).toMatchObject({ reachable: false, reason: { code: 'region_exec_plugin' } });
});
