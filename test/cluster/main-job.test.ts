import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/cli/quickstart/tiny-gguf.ts';
import { given, Installation, regionNames } from '../support/cluster/install.ts';
import type { Answer, KubernetesItem } from '../support/cluster/install.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

const repo = 'acme/tiny-chat';
const file = 'tiny-chat.gguf';

interface Instance extends Answer {
  id: number;
  model_id: string;
  regions: { region: string; state: string; ready: number }[];
}

describe('EcoLink, installed by its chart, in a cluster with two regions', () => {
  const ecolink = new Installation();
  let hub: Hub;
  let first: Instance;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    hub.addRepo(repo, { files: { [file]: makeTinyGguf(), 'README.md': '# tiny' }, pipeline_tag: 'text-generation' });
    await ecolink.start({ hubEndpoint: hub.endpoint });
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const pods = (instance: number) => ecolink.list('pods', `ecolink.dev/instance=${instance}`);
  const ready = async (instance: number) =>
    ((await ecolink.do('get_instance', { instance: String(instance) })) as Instance).regions.map((each) => each.ready);
  const downloads = () => ecolink.list('jobs', 'app.kubernetes.io/name=ecolink-download');

  it('reaches both regions with its own Role and nothing more', async () => {
    const { items } = (await ecolink.do('list_regions')) as unknown as {
      items: { name: string; reachable: boolean; version: string }[];
    };
    expect(items.map((each) => [each.name, each.reachable])).toEqual(regionNames.map((name) => [name, true]));
    expect(items[0]?.version).toMatch(/^v?1\./);
  });

  it('has a doctor that finds nothing to fix', async () => {
    const said = await ecolink.kubectl('exec', 'deploy/ecolink', '--', 'node', '/app/dist/main.js', 'doctor', '--json');
    const { checks } = JSON.parse(said) as { checks: { name: string; state: string; said: string }[] };
    expect(checks.filter((check) => check.state === 'failed')).toEqual([]);
    for (const region of regionNames) expect(checks.map((check) => check.name)).toContain(region);
  });

  it('registers a model of the Hub and runs it in both regions, fetched once for each', async () => {
    await ecolink.do('register_model', { name: 'tiny', source: 'huggingface', repo });
    hub.resetCounters();
    const { instance } = await ecolink.do('launch_instance', { model: 'tiny' });
    first = (await ecolink.until(instance as number, 'running')) as Instance;
    expect(first.regions.map((each) => [each.region, each.state])).toEqual(
      regionNames.map((name) => [name, 'running']),
    );
    expect(hub.requestsTo('cdn', file)).toHaveLength(regionNames.length);
    expect(hub.bytesSent()).toBeLessThan(2.1 * makeTinyGguf().length);
    expect(await downloads()).toHaveLength(regionNames.length);
  });

  it('puts each region’s replica on a node of that region', async () => {
    for (const pod of await pods(first.id)) {
      const region = pod.metadata.labels?.['ecolink.dev/region'];
      const node = await ecolink.kubectl('get', 'node', pod.spec['nodeName'] as string, '-o', 'json');
      expect((JSON.parse(node) as KubernetesItem).metadata.labels?.['topology.kubernetes.io/region']).toBe(region);
    }
  });

  it('answers calls through the gateway, from either region', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => ecolink.chat(first.model_id)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    const body = (await answers[0]?.json()) as { choices: { message: { content: string } }[] };
    expect(body.choices).toHaveLength(1);
    const logs = await Promise.all(
      (await pods(first.id)).map((pod) => ecolink.kubectl('logs', pod.metadata.name, '-c', 'engine')),
    );
    for (const log of logs) expect(log).toContain('processing task');
  });

  it('launches again without any download, and replicas share one volume, read-only', async () => {
    hub.resetCounters();
    const { instance } = await ecolink.do('launch_instance', { model: 'tiny', regions: ['eu'], replicas: 3 });
    await ecolink.until(instance as number, 'running');
    expect(hub.requests.filter((request) => request.place !== 'api')).toEqual([]);
    const claims = (await pods(instance as number)).map((pod) =>
      (pod.spec['volumes'] as { persistentVolumeClaim?: object }[]).find((volume) => volume.persistentVolumeClaim),
    );
    expect(claims).toHaveLength(3);
    expect(new Set(claims.map((claim) => JSON.stringify(claim))).size).toBe(1);
    expect(claims[0]).toMatchObject({ persistentVolumeClaim: { readOnly: true } });
    await ecolink.remove(instance as number);
  });

  it('scales without an error to any caller', async () => {
    await ecolink.do('scale_instance', { instance: String(first.id), replicas: 2 });
    await expect.poll(() => ready(first.id), { timeout: 60_000 }).toEqual([2, 2]);
    const statuses = await ecolink.chatDuring(first.model_id, async () => {
      await ecolink.do('scale_instance', { instance: String(first.id), replicas: 1 });
      await expect.poll(async () => (await pods(first.id)).length, { timeout: 200_000, interval: 1000 }).toBe(2);
    });
    expect(statuses.length).toBeGreaterThan(10);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('brings a Deployment back that was deleted by hand', async () => {
    const [deployment] = await ecolink.list('deployments', `ecolink.dev/instance=${first.id},ecolink.dev/region=eu`);
    await ecolink.kubectl('delete', 'deployment', deployment?.metadata.name ?? '');
    const uids = async () =>
      (await ecolink.list('deployments', `ecolink.dev/instance=${first.id}`)).map((each) => each.metadata.uid);
    await expect.poll(uids, { timeout: 60_000 }).toHaveLength(2);
    expect(await uids()).not.toContain(deployment?.metadata.uid);
    await ecolink.until(first.id, 'running');
  });

  it('comes back under the same id after its own pod was killed', async () => {
    await ecolink.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/component=server', '--grace-period=0', '--force');
    await ecolink.kubectl('rollout', 'status', 'deploy/ecolink', '--timeout=120s');
    await expect
      .poll(() => ecolink.chat(first.model_id).then((answer) => answer.status, String), { timeout: 60_000 })
      .toBe(200);
    expect(hub.requests.filter((request) => request.place !== 'api')).toEqual([]);
  });

  it('leaves nothing after stop, delete and evict', async () => {
    await ecolink.remove(first.id);
    for (const region of regionNames) await ecolink.do('evict_cache', { model: 'tiny', regions: [region] });
    const kinds =
      'deployments,services,jobs,pods,secrets,configmaps,networkpolicies,poddisruptionbudgets,persistentvolumeclaims';
    const left = async () =>
      (await ecolink.list(kinds, 'app.kubernetes.io/managed-by=ecolink')).map((each) => each.metadata.name);
    await expect.poll(left, { timeout: 120_000, interval: 1000 }).toEqual([]);
  });
});
