import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { kubernetesRegion } from '../../src/core/config/kubernetes-region.ts';
import { neededRights } from '../../src/core/regions/kubernetes/doctor/rights.ts';
import { chart } from '../support/cluster/install.ts';
import { helm, kubectl, kubectlWith } from '../support/cluster/programs.ts';

interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  data: Record<string, string>;
}

const namespace = 'ecolink-chart';
const region = { name: 'a', kind: 'kubernetes' };

async function render(values: object = {}): Promise<{ text: string; objects: Rendered[] }> {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
  const text = await helm('template', 'ecolink', chart, '-n', namespace, ...set);
  const objects = parseAllDocuments(text).map((each) => each.toJS() as Rendered | null);
  return { text, objects: objects.filter((each) => each !== null) };
}

function find(objects: Rendered[], kind: string): Rendered {
  const found = objects.find((each) => each.kind === kind);
  if (!found) throw new Error(`The chart renders no ${kind}`);
  return found;
}

describe('the chart', () => {
  beforeAll(() =>
    kubectlWith({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, 'apply', '--server-side'),
  );
  afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'));

  it.each([
    ['its defaults', {}],
    [
      'every option of access',
      { rbac: { create: true, clusterReader: true }, networkPolicy: { enabled: true, from: [{ podSelector: {} }] } },
    ],
    [
      'PostgreSQL, Slack and other clusters',
      {
        database: { secretName: 'database' },
        kubeconfigSecret: 'clusters',
        secrets: { HF_TOKEN: { name: 'tokens', key: 'hub' }, SLACK_BOT_TOKEN: { name: 'tokens', key: 'slack' } },
        config: { regions: [{ name: 'far', kind: 'kubernetes', context: 'far', namespace: 'models' }] },
        imagePullSecrets: ['registry'],
        environment: { HTTPS_PROXY: 'http://proxy:3128' },
        podLabels: { team: 'ml' },
      },
    ],
  ])('with %s is accepted by a real API server, to the last field', async (_name, values) => {
    const { text, objects } = await render(values);
    const said = await kubectlWith(
      text,
      '-n',
      namespace,
      'apply',
      '--server-side',
      '--dry-run=server',
      '--validate=strict',
    );
    expect(said.trim().split('\n')).toHaveLength(objects.length);
  });

  it.each([['in-cluster'], ['api-proxy']])(
    'grants in a namespace what its region needs (%s), and nothing more',
    async (reach) => {
      const { objects } = await render({ config: { regions: [{ name: 'a', kind: 'kubernetes', reach }] } });
      const granted = find(objects, 'Role').rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
      );
      const region = kubernetesRegion.parse({
        name: 'a',
        kind: 'kubernetes',
        namespace,
        reach,
        ecolink_image: 'ecolink:1',
      });
      const needed = neededRights(region).map(
        ({ verb, group, resource, subresource }) =>
          `${verb} ${group}/${resource}${subresource ? `/${subresource}` : ''}`,
      );
      expect(granted.toSorted()).toEqual(needed.toSorted());
    },
  );

  it('gives one Role to each namespace, and none for clusters elsewhere', async () => {
    const { objects } = await render({
      config: {
        regions: [
          { name: 'a', kind: 'kubernetes' },
          { name: 'b', kind: 'kubernetes', namespace: 'b' },
          { name: 'c', kind: 'kubernetes', namespace: 'b' },
          { name: 'far', kind: 'kubernetes', context: 'far', namespace: 'far' },
        ],
      },
    });
    const roles = objects.filter((each) => each.kind === 'Role');
    expect(roles.map((each) => each.metadata.namespace)).toEqual(['b', namespace]);
  });

  it('replaces its one pod, which has a volume of its own on SQLite and none on PostgreSQL', async () => {
    const sqlite = (await render()).objects;
    const postgres = (await render({ database: { secretName: 'database' } })).objects;
    for (const objects of [sqlite, postgres])
      expect(find(objects, 'Deployment').spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(find(sqlite, 'PersistentVolumeClaim').spec).toMatchObject({ accessModes: ['ReadWriteOnce'] });
    expect(postgres.map((each) => each.kind)).not.toContain('PersistentVolumeClaim');
  });

  it('makes keys of the right length, unless a Secret with keys is named', async () => {
    const secrets = (objects: Rendered[]) => objects.filter((each) => each.kind === 'Secret');
    // The gateway's keys are another Secret.
    const made = secrets((await render()).objects).find((each) => each.metadata.name === 'ecolink-keys');
    const data = made?.data ?? {};
    expect(Object.keys(data)).toEqual(['ECOLINK_KEY', 'ECOLINK_AUDIT_KEY']);
    for (const value of Object.values(data))
      expect(Buffer.from(Buffer.from(value, 'base64').toString(), 'base64')).toHaveLength(32);
    const { text, objects } = await render({ keys: { secretName: 'our-keys' } });
    expect(secrets(objects).map((each) => each.metadata.name)).toEqual(['ecolink-gateway']);
    expect(text).toContain('name: our-keys');
  });

  it.each([
    ['two servers', { replicas: 2 }, "additional properties 'replicas' not allowed"],
    [
      'a secret by value',
      { environment: { HF_TOKEN: 'hf_secret' } },
      'environment.HF_TOKEN: a secret is named by reference',
    ],
    [
      'a secret that nobody reads',
      { secrets: { TOKEN: { name: 'a', key: 'b' } } },
      "at '/secrets': additional properties 'TOKEN'",
    ],
    ['no region', { config: { regions: [] } }, "at '/config/regions': minItems"],
    [
      'a setting that ecolink.yaml has not',
      { config: { regions: [region], region: 'a' } },
      "at '/config': additional properties 'region'",
    ],
    [
      'a setting that a region has not',
      { config: { regions: [{ ...region, acces_mode: 'x' }] } },
      "additional properties 'acces_mode'",
    ],
    ['a size that is none', { persistence: { size: '2GB' } }, "at '/persistence/size': '2GB' does not match"],
  ])('refuses %s', async (_name, values, said) => {
    await expect(render(values)).rejects.toThrow(said);
  });
});
