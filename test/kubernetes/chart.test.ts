import { sign, verify } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readPublicKey } from '../../src/core/core.ts';
import { defined } from '../support/defined.ts';
import { chart } from '../support/cluster/install.ts';
import { helm } from '../support/cluster/programs.ts';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';

let plane: ControlPlane;
let kubeconfig: string;
let namespace: string;
let made = 0;
const gatewayName = 'ecolink-gateway';

beforeAll(async () => {
  plane = await startControlPlane();
  kubeconfig = await plane.kubeconfig('admin', { insecure: true });
});
afterAll(() => plane[Symbol.asyncDispose]());
beforeEach(() => {
  namespace = `chart-${++made}`;
});

const release = (...words: string[]): Promise<string> =>
  helm(words[0] ?? '', 'ecolink', ...words.slice(1), '-n', namespace, '--kubeconfig', kubeconfig);
const install = (...set: string[]) => release('install', chart, '--create-namespace', ...set);
const upgrade = (...set: string[]) => release('upgrade', chart, ...set);
const at = (path: string): string => `/api/v1/namespaces/${namespace}/${path}`;

/** The namespace in which EcoLink is told to run models. */
async function modelsNamespace(): Promise<string | undefined> {
  const { data } = await plane.call<{ data: Record<string, string> }>('GET', at('configmaps/ecolink'));
  const file = parse(defined(data['ecolink.yaml'])) as { regions: { namespace: string }[] };
  return file.regions[0]?.namespace;
}

describe('a new installation', () => {
  test('runs models in a namespace of their own, under Pod Security restricted, and upgrades keep it', async () => {
    await install();
    const models = `${namespace}-ecolink-models`;
    expect(await modelsNamespace()).toBe(models);
    expect(await plane.call('GET', `/api/v1/namespaces/${models}`)).toMatchObject({
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await plane.call('GET', `/apis/rbac.authorization.k8s.io/v1/namespaces/${models}/roles/ecolink-region`);
    await upgrade('--set', 'podLabels.team=ml');
    expect(await modelsNamespace()).toBe(models);
  });

  test('keeps its namespace after it was uninstalled and installed again: its data is still there', async () => {
    await install();
    await release('uninstall');
    await install();
    expect(await modelsNamespace()).toBe(`${namespace}-ecolink-models`);
  });

  test('uses the namespace that is given, and does not make it', async () => {
    await plane.call('POST', '/api/v1/namespaces', { metadata: { name: `${namespace}-given` } });
    await install('--set', `modelsNamespace=${namespace}-given`);
    expect(await modelsNamespace()).toBe(`${namespace}-given`);
  });

  test('makes no namespace for regions that name one, or that are elsewhere', async () => {
    const regions = [
      { name: 'far', kind: 'kubernetes', context: 'far', namespace: 'models' },
      { name: 'here', kind: 'kubernetes', namespace: 'default' },
    ];
    await install('--set-json', `config.regions=${JSON.stringify(regions)}`);
    await expect(plane.call('GET', `/api/v1/namespaces/${namespace}-ecolink-models`)).rejects.toThrow('404');
  });
});

/** Charts of earlier versions wrote no annotation, and used the release's namespace. */
async function installEarlier(): Promise<void> {
  await install('--set', `modelsNamespace=${namespace}`);
  for (const path of ['configmaps/ecolink', 'secrets/ecolink-keys', 'persistentvolumeclaims/ecolink']) {
    const change = { metadata: { annotations: { 'ecolink.dev/models-namespace': null } } };
    await plane.call('PATCH', at(path), change, 'application/merge-patch+json');
  }
}

describe('an installation of an earlier chart', () => {
  test('keeps the namespace of its models when it is upgraded', async () => {
    await installEarlier();
    await upgrade('--set', 'modelsNamespace=');
    expect(await modelsNamespace()).toBe(namespace);
    await upgrade();
    expect(await modelsNamespace()).toBe(namespace);
  });

  test('keeps it when it is uninstalled and installed again', async () => {
    await installEarlier();
    await release('uninstall');
    await install();
    expect(await modelsNamespace()).toBe(namespace);
  });
});

interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: Record<string, unknown>;
}

async function render(...set: string[]): Promise<Rendered[]> {
  const text = await helm('template', 'ecolink', chart, '-n', namespace, ...set);
  return parseAllDocuments(text).flatMap((each) => (each.toJS() as Rendered | null) ?? []);
}

describe('the chart', () => {
  test('that is rendered without a cluster uses the namespace of the release, as before', async () => {
    const objects = await render();
    expect(objects.map(({ kind }) => kind)).not.toContain('Namespace');
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace]));
  });

  test.each([
    ['SQLite', []],
    ['PostgreSQL', ['--set', 'database.secretName=database']],
  ])(
    'on %s ends the old server before a new one starts, and a new one waits for a server that still runs',
    async (_, set) => {
      const deployment = (await render(...set)).find(({ kind }) => kind === 'Deployment');
      expect(deployment?.spec).toMatchObject({
        replicas: 1,
        strategy: { type: 'Recreate' },
        template: { spec: { containers: [{ args: ['serve', '--wait'] }] } },
      });
      expect(deployment?.spec?.['strategy']).not.toHaveProperty('rollingUpdate');
    },
  );

  test('gives gateways a key to check and a credential, and no right to the cluster, the database or other secrets', async () => {
    const objects = await render('--set', 'database.secretName=database', '--set', 'gateway.drainMinutes=3');
    const gateway = defined(
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === gatewayName),
    );
    expect(gateway.spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
      template: {
        metadata: { labels: { 'app.kubernetes.io/name': 'ecolink', 'app.kubernetes.io/component': 'gateway' } },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 200,
          containers: [{ args: ['gateway'] }],
        },
      },
    });
    const text = JSON.stringify(gateway);
    const secrets = [...text.matchAll(/"secretKeyRef":\{"name":"[^"]+","key":"(\w+)"/g)].map(([, key]) => key);
    expect(secrets).toEqual(['ECOLINK_GATEWAY_PUBLIC_KEY', 'ECOLINK_GATEWAY_CREDENTIAL']);
    expect(text).not.toContain('serviceAccountName');
    const services = objects.filter(({ kind }) => kind === 'Service');
    const component = 'app.kubernetes.io/component';
    const chosen = services.map(({ spec }) => (spec?.['selector'] as Record<string, string> | undefined)?.[component]);
    expect(new Set(chosen)).toEqual(new Set(['server', 'gateway']));
  });

  test('makes a pair of keys for gateways once, and an upgrade keeps it', async () => {
    await install();
    const made = await plane.call<{ data: Record<string, string> }>('GET', at(`secrets/${gatewayName}`));
    const pem = (key: string): string => Buffer.from(defined(made.data[key]), 'base64').toString();
    const signature = sign(null, Buffer.from('routes'), pem('ECOLINK_GATEWAY_SIGNING_KEY'));
    const publicKey = readPublicKey(pem('ECOLINK_GATEWAY_PUBLIC_KEY'));
    expect(verify(null, Buffer.from('routes'), publicKey, signature)).toBe(true);
    await upgrade('--set', 'podLabels.team=ml');
    expect(await plane.call('GET', at(`secrets/${gatewayName}`))).toMatchObject({ data: made.data });
  });

  test('hands the egress of engines to EcoLink, also as the "off" that Helm reads as false', async () => {
    await plane.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    await install(
      '--set',
      'config.regions[0].name=a,config.regions[0].kind=kubernetes,config.regions[0].engine_egress=false',
    );
    const { data } = await plane.call<{ data: Record<string, string> }>('GET', at('configmaps/ecolink'));
    expect(parse(defined(data['ecolink.yaml']))).toMatchObject({ regions: [{ engine_egress: false }] });
  });
});
