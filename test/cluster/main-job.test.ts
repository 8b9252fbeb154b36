import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { claim, echo, writerPod } from '../support/cluster/engines.ts';
import { given, Installation, regionNames } from '../support/cluster/install.ts';
import type { Answer, KubernetesItem } from '../support/cluster/install.ts';
import { kubectlFed } from '../support/cluster/programs.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

const repo = 'acme/tiny-chat';
const gated = 'acme/gated';
const file = 'tiny-chat.gguf';
const token = 'hf_kept_in_the_store';

interface Instance extends Answer {
  id: number;
  model_id: string;
  regions: { region: string; state: string; ready: number }[];
}

describe('EcoLink, installed by its chart, in a cluster with two regions', () => {
  const ecolink = new Installation();
  let hub: Hub;
  let first: Instance;
  const options = () => ({
    hubEndpoint: hub.endpoint,
    before: [claim('shared')],
    config: { filesystems: [{ name: 'shared', region: 'eu', claim: 'shared' }] },
    runtimes: [echo],
  });

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    hub.addRepo(repo, { files: { [file]: makeTinyGguf(), 'README.md': '# tiny' }, pipeline_tag: 'text-generation' });
    hub.addToken(token);
    hub.addRepo(gated, { files: { [file]: 'few' }, gated: 'auto', gate: { alice: 'accepted' } });
    await ecolink.start(options());
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const pods = (instance: number) => ecolink.list('pods', `ecolink.dev/instance=${instance}`);
  const downloads = () => ecolink.list('jobs', 'app.kubernetes.io/name=ecolink-download');

  it('reaches both regions with its own Role and nothing more', async () => {
    const { items } = (await ecolink.do('list_regions')) as unknown as {
      items: { name: string; reachable: boolean; version: string }[];
    };
    expect(items.map((each) => [each.name, each.reachable])).toEqual(regionNames.map((name) => [name, true]));
    expect(items[0]?.version).toMatch(/^v?1\./);
  });

  it.each([
    ['create pods', 'no'],
    ['get secrets', 'no'],
    ['list secrets', 'no'],
    ['get nodes', 'no'],
    ['list pods --all-namespaces', 'no'],
    ['create deployments -n default', 'no'],
    ['create deployments', 'yes'],
    ['create secrets', 'yes'],
  ])('may it %s? %s', async (what, expected) => {
    const account = `system:serviceaccount:${ecolink.namespace}:ecolink`;
    // It ends with status 1 where the answer is no.
    const said = await ecolink.kubectl('auth', 'can-i', ...what.split(' '), '--as', account).catch(toStdout);
    expect(said.trim()).toBe(expected);
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

  it('launches again without any download, and three replicas share one volume, which none can write to', async () => {
    hub.resetCounters();
    const { instance } = await ecolink.do('launch_instance', { model: 'tiny', replicas: 3 });
    await ecolink.until(instance as number, 'running');
    expect(hub.requests.filter((request) => request.place !== 'api')).toEqual([]);
    const replicas = await ecolink.list('pods', `ecolink.dev/instance=${String(instance)},ecolink.dev/region=eu`);
    const claims = replicas.map((pod) =>
      (pod.spec['volumes'] as { persistentVolumeClaim?: object }[]).find((volume) => volume.persistentVolumeClaim),
    );
    expect(claims).toHaveLength(3);
    expect(new Set(claims.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(claims[0]).toMatchObject({ persistentVolumeClaim: { readOnly: true } });
    for (const { metadata } of replicas) {
      const inside = (...words: string[]) => ecolink.kubectl('exec', metadata.name, '-c', 'engine', '--', ...words);
      expect(await inside('ls', '/model')).toContain(file);
      await expect(inside('touch', '/model/new')).rejects.toThrow('Read-only file system');
    }
    await ecolink.remove(instance as number);
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
    await ecolink.killServer();
    await expect.poll(async () => (await ecolink.chat(first.model_id)).status, { timeout: 60_000 }).toBe(200);
    expect(hub.requests.filter((request) => request.place !== 'api')).toEqual([]);
  });

  it('opens a stored credential, and finds its audit whole, after its pod was killed and the chart upgraded', async () => {
    const add = ['exec', '-i', 'deploy/ecolink', '--', 'node', '/app/dist/main.js', 'credential', 'add', 'ours'];
    await kubectlFed(token, '-n', ecolink.namespace, ...add);
    await ecolink.upgrade(options());
    await ecolink.killServer();
    await ecolink.do('check_model', { source: 'huggingface', repo: gated, credential: 'ours' });
    expect(await ecolink.do('verify_audit')).toMatchObject({ holds: true });
  });

  it.skipIf(given.accessMode !== 'ReadWriteMany')(
    'serves a model from a shared filesystem, and creates nothing where a subfolder is mistyped',
    async () => {
      const url = `${hub.endpoint}/${repo}/resolve/main/${file}`;
      await ecolink.create(writerPod('writer', 'shared', url, `teams/${file}`));
      await ecolink.kubectl('wait', 'pod/writer', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
      await ecolink.kubectl('delete', 'pod', 'writer');
      const source = { source: 'filesystem', filesystem: 'shared', category: 'chat' };
      const mistyped = await ecolink.run('check_model', { ...source, subfolder: 'taems' });
      expect(mistyped.error?.code).toBe('subfolder_not_found');
      await ecolink.do('register_model', { ...source, name: 'on-disk', subfolder: 'teams' });
      const { instance } = await ecolink.do('launch_instance', { model: 'on-disk' });
      const { model_id, regions } = (await ecolink.until(instance as number, 'running')) as Instance;
      expect(regions.map((each) => each.region)).toEqual(['eu']);
      expect((await ecolink.chat(model_id)).status).toBe(200);
      const deployment = `deploy/instance-${String(instance)}-eu`;
      const found = await ecolink.kubectl('exec', deployment, '-c', 'engine', '--', 'ls', '/mnt/shared');
      expect(found.trim().split('\n')).toEqual(['teams']);
      await ecolink.remove(instance as number);
    },
  );

  it('passes a call on to an image of one’s own, without the caller’s token', async () => {
    const { instance } = await ecolink.do('launch_instance', { model: 'tiny', regions: ['eu'], runtime: 'echo' });
    await ecolink.until(instance as number, 'running');
    const path = `/instances/${String(instance)}/proxy/any/path?a=1`;
    const answer = await ecolink.fetch(path, { headers: { 'x-mine': 'yes', cookie: `token=${ecolink.token}` } });
    const seen = await answer.text();
    expect(JSON.parse(seen)).toMatchObject({ url: '/any/path?a=1', headers: { 'x-mine': 'yes' } });
    expect(seen).not.toContain(ecolink.token);
    await ecolink.remove(instance as number);
  });

  it('leaves nothing after stop, evict and delete', async () => {
    await ecolink.do('stop_instance', { instance: String(first.id) });
    await ecolink.until(first.id, 'stopped', 200);
    for (const region of regionNames) await ecolink.do('evict_cache', { model: 'tiny', regions: [region] });
    await ecolink.do('delete_instance', { instance: String(first.id) });
    await expect.poll(() => ecolink.leftovers(), { timeout: 120_000, interval: 1000 }).toEqual([]);
  });
});

function toStdout(thrown: { stdout: string }): string {
  return thrown.stdout;
}
