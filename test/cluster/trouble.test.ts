import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/cli/quickstart/tiny-gguf.ts';
import { claim, strangeRuntimes, writerPod } from '../support/cluster/engines.ts';
import { given, Installation } from '../support/cluster/install.ts';
import { kubectlWith } from '../support/cluster/programs.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

const token = 'hf_cluster_suite_token';
const file = 'tiny-chat.gguf';
const mebibyte = 1024 ** 2;
const largeBytes = 48 * mebibyte;

describe('EcoLink in a cluster where things go wrong', () => {
  const ecolink = new Installation();
  let hub: Hub;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    hub.addToken(token);
    const tiny = { [file]: makeTinyGguf() };
    hub.addRepo('acme/tiny', { files: tiny, pipeline_tag: 'text-generation' });
    hub.addRepo('acme/gated', {
      files: tiny,
      pipeline_tag: 'text-generation',
      gated: 'auto',
      gate: { alice: 'accepted' },
    });
    hub.addRepo('acme/large', {
      files: { 'large.gguf': { size: largeBytes, seed: 7 } },
      pipeline_tag: 'text-generation',
    });
    await ecolink.start({
      hubEndpoint: hub.endpoint,
      before: [
        claim('shared'),
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tokens' }, stringData: { hub: token } },
      ],
      values: { secrets: { HF_TOKEN: { name: 'tokens', key: 'hub' } } },
      config: { filesystems: [{ name: 'shared', region: 'eu', claim: 'shared' }] },
      runtimes: strangeRuntimes,
      region: (name) => ({
        environment: { ECOLINK_PULL_CONNECTIONS: '4', ECOLINK_PULL_RANGE_KIB: '1024' },
        ...(name === 'us' ? { resources: { limits: { memory: '40Mi' } } } : {}),
      }),
    });
    await ecolink.do('register_model', { name: 'tiny', source: 'huggingface', repo: 'acme/tiny' });
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const launched: number[] = [];
  afterEach(async () => {
    hub.faults.clear();
    for (const instance of launched.splice(0)) await ecolink.remove(instance);
  });

  async function launch(input: object): Promise<number> {
    const receipt = await ecolink.do('launch_instance', { model: 'tiny', regions: ['eu'], ...input });
    launched.push(receipt['instance'] as number);
    return receipt['instance'] as number;
  }

  const secrets = async () =>
    (await ecolink.list('secrets', 'app.kubernetes.io/managed-by=ecolink')).map((each) => each.metadata.name);

  it('goes on with a download whose pod was killed, on the same volume', async () => {
    await ecolink.do('register_model', { name: 'large', source: 'huggingface', repo: 'acme/large' });
    hub.resetCounters();
    hub.faults.throttle = mebibyte;
    await ecolink.do('prefetch_model', { model: 'large', regions: ['eu'] });
    await expect.poll(() => hub.bytesSent(), { timeout: 60_000 }).toBeGreaterThan(largeBytes / 4);
    const [volume] = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume');
    await ecolink.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/name=ecolink-download', '--wait=false');
    hub.faults.throttle = undefined;
    await expect.poll(() => cached('large'), { timeout: 120_000, interval: 1000 }).toBe('ready');
    const [after] = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume');
    expect(after?.metadata.uid).toBe(volume?.metadata.uid);
    // At most the ranges in flight are fetched again.
    expect(hub.bytesSent()).toBeLessThan(largeBytes + 8 * mebibyte);
  });

  async function cached(repo: string): Promise<string | undefined> {
    const { items } = (await ecolink.do('list_cache')) as unknown as { items: { repo: string; state: string }[] };
    return items.find((each) => each.repo === `acme/${repo}`)?.state;
  }

  it('says that an image does not exist', async () => {
    const instance = await launch({ runtime: 'missing' });
    expect(await ecolink.reason(instance, 'image_pull_failed')).toContain('ecolink.invalid/missing:1');
  });

  it('repeats the scheduler where there are not enough accelerators, and waits', async () => {
    const instance = await launch({ accelerator: 'gpu', accelerator_count: 64 });
    expect(await ecolink.reason(instance, 'unschedulable')).toContain('Insufficient nvidia.com/gpu');
    expect((await ecolink.do('get_instance', { instance: String(instance) }))['state']).toBe('starting');
  });

  it('says that a model larger than its memory limit was killed for memory', async () => {
    const instance = await launch({ model: 'large', regions: ['us'], runtime: 'greedy' });
    expect(await ecolink.reason(instance, 'out_of_memory')).toContain('40Mi');
  });

  it('answers every call while a replica is killed', async () => {
    const instance = await launch({ replicas: 2 });
    await ecolink.until(instance, 'running');
    const [pod] = await ecolink.list('pods', `ecolink.dev/instance=${instance}`);
    const uids = async () =>
      (await ecolink.list('pods', `ecolink.dev/instance=${instance}`)).map((each) => each.metadata.uid);
    const statuses = await ecolink.chatDuring(`tiny:${instance}`, async () => {
      await ecolink.kubectl('delete', 'pod', pod?.metadata.name ?? '', '--grace-period=0', '--force');
      await expect.poll(uids, { timeout: 60_000 }).not.toContain(pod?.metadata.uid);
      await ecolink.until(instance, 'running');
    });
    expect(statuses.length).toBeGreaterThan(5);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('ends a stream that lost its replica with an error, never as if it were whole', async () => {
    const instance = await launch({});
    await ecolink.until(instance, 'running');
    const answer = await ecolink.chat(`tiny:${instance}`, { stream: true, max_tokens: 3500, ignore_eos: true });
    const [pod] = await ecolink.list('pods', `ecolink.dev/instance=${instance}`);
    const [text] = await Promise.all([
      answer.text(),
      ecolink.kubectl('delete', 'pod', pod?.metadata.name ?? '', '--grace-period=0', '--force'),
    ]);
    expect(text).toMatch(/^data: /);
    expect(text.trimEnd().split('\n').at(-1)).toContain('"error"');
    expect(text).not.toContain('[DONE]');
  });

  it('finishes a launch though its own pod is killed in the middle of the download', async () => {
    const deep = makeTinyGguf({ layers: 60, seed: 3 });
    hub.addRepo('acme/deep', { files: { 'deep.gguf': deep }, pipeline_tag: 'text-generation' });
    await ecolink.do('register_model', { name: 'deep', source: 'huggingface', repo: 'acme/deep' });
    hub.resetCounters();
    hub.faults.throttle = mebibyte / 4;
    const instance = await launch({ model: 'deep' });
    await expect.poll(() => hub.bytesSent(), { timeout: 60_000 }).toBeGreaterThan(deep.length / 4);
    await ecolink.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/component=server', '--grace-period=0', '--force');
    await ecolink.kubectl('rollout', 'status', 'deploy/ecolink', '--timeout=120s');
    hub.faults.throttle = undefined;
    await ecolink.until(instance, 'running');
    expect(hub.bytesSent()).toBeLessThan(1.1 * deep.length);
  });

  it('fetches again what somebody deleted, and serves it under the same id', async () => {
    const instance = await launch({});
    await ecolink.until(instance, 'running');
    await ecolink.do('stop_instance', { instance: String(instance) });
    await ecolink.until(instance, 'stopped');
    hub.resetCounters();
    const claims = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume,ecolink.dev/region=eu');
    for (const each of claims) await ecolink.kubectl('delete', 'pvc', each.metadata.name, '--wait=false');
    await ecolink.do('restart_instance', { instance: String(instance) });
    await ecolink.until(instance, 'running');
    expect(hub.requestsTo('cdn', file)).toHaveLength(1);
  });

  it('keeps a token for as long as a download takes, and says at once that one was revoked', async () => {
    await ecolink.do('register_model', { name: 'gated', source: 'huggingface', repo: 'acme/gated' });
    await ecolink.do('prefetch_model', { model: 'gated', regions: ['eu'] });
    await expect.poll(() => cached('gated'), { timeout: 60_000 }).toBe('ready');
    await expect.poll(secrets, { timeout: 30_000 }).toEqual([]);
    await ecolink.do('evict_cache', { model: 'gated', regions: ['eu'] });
    hub.addToken(token, { revoked: true });
    const instance = await launch({ model: 'gated' });
    await ecolink.until(instance, 'failed');
    expect(await ecolink.reason(instance, 'token_refused')).toMatch(/token/i);
    await expect.poll(secrets, { timeout: 30_000 }).toEqual([]);
    const jobs = await ecolink.kubectl('get', 'jobs,pods,configmaps', '-o', 'yaml');
    expect(jobs).not.toContain(token);
  });

  it.skipIf(given.accessMode !== 'ReadWriteMany')(
    'reads a model from a shared filesystem, and creates nothing where a subfolder is mistyped',
    async () => {
      const url = `${hub.endpoint}/acme/tiny/resolve/main/${file}`;
      await kubectlWith(writerPod('writer', 'shared', url, `teams/${file}`), '-n', ecolink.namespace, 'create');
      await ecolink.kubectl('wait', 'pod/writer', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
      const source = { source: 'filesystem', filesystem: 'shared', category: 'chat' };
      const mistyped = await ecolink.run('check_model', { ...source, subfolder: 'taems' });
      expect(mistyped.error?.code).toBe('subfolder_not_found');
      await ecolink.do('register_model', { ...source, name: 'on-disk', subfolder: 'teams' });
      const instance = await launch({ model: 'on-disk', regions: ['eu'] });
      await ecolink.until(instance, 'running');
      const found = await ecolink.kubectl(
        'exec',
        'deploy/instance-' + instance + '-eu',
        '-c',
        'engine',
        '--',
        'ls',
        '/mnt/shared',
      );
      expect(found.trim().split('\n')).toEqual(['teams']);
    },
  );

  it('passes a call on to an image of one’s own, without the caller’s token', async () => {
    const instance = await launch({ runtime: 'echo' });
    await ecolink.until(instance, 'running');
    const answer = await ecolink.fetch(`/instances/${instance}/proxy/any/path?a=1`, { headers: { 'x-mine': 'yes' } });
    const seen = (await answer.json()) as { url: string; headers: Record<string, string> };
    expect(seen.url).toBe('/any/path?a=1');
    expect(seen.headers).toMatchObject({ 'x-mine': 'yes' });
    expect(seen.headers).not.toHaveProperty('authorization');
  });
});
