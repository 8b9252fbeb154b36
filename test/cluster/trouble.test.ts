import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { engineMemory, missingImage } from '../support/cluster/engines.ts';
import { given, Installation } from '../support/cluster/install.ts';
import type { Answer, KubernetesItem } from '../support/cluster/install.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

const token = 'hf_cluster_suite_token';
const file = 'tiny-chat.gguf';
const mebibyte = 1024 ** 2;
const connections = 4;
/** A model that works, and is larger than what `engineMemory` leaves to it. */
const large = makeTinyGguf({ layers: 400, seed: 7 });

/** What happens in the middle of every scenario. */
const rounds: [string, (ecolink: Installation) => Promise<void>][] = [
  ['goes wrong', async () => {}],
  ['goes wrong and EcoLink’s own pod is killed in the middle', (ecolink) => ecolink.killServer()],
];

describe.each(rounds)('In a cluster where something %s, EcoLink', (_round, meanwhile) => {
  const ecolink = new Installation();
  let hub: Hub;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    hub.addToken(token);
    const chat = { pipeline_tag: 'text-generation' };
    hub.addRepo('acme/tiny', { files: { [file]: makeTinyGguf() }, ...chat });
    hub.addRepo('acme/gated', {
      files: { [file]: makeTinyGguf({ seed: 2 }) },
      ...chat,
      gated: 'auto',
      gate: { alice: 'accepted' },
    });
    hub.addRepo('acme/large', { files: { 'large.gguf': large }, ...chat });
    await ecolink.start({
      hubEndpoint: hub.endpoint,
      before: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tokens' }, stringData: { hub: token } }],
      values: { secrets: { HF_TOKEN: { name: 'tokens', key: 'hub' } } },
      runtimes: [missingImage],
      region: (name) => ({
        environment: { ECOLINK_PULL_CONNECTIONS: String(connections), ECOLINK_PULL_RANGE_KIB: '1024' },
        ...(name === 'us' ? { resources: { limits: { memory: engineMemory } } } : {}),
      }),
    });
    for (const name of ['tiny', 'large', 'gated'])
      await ecolink.do('register_model', { name, source: 'huggingface', repo: `acme/${name}` });
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

  const stateOf = async (instance: number) =>
    (await ecolink.do('get_instance', { instance: String(instance) }))['state'];
  const secrets = async () =>
    (await ecolink.list('secrets', 'app.kubernetes.io/managed-by=ecolink')).map((each) => each.metadata.name);

  it('goes on with a download whose pod was killed: same volume, at most the ranges in flight again', async () => {
    hub.resetCounters();
    hub.faults.throttle = mebibyte;
    await ecolink.do('prefetch_model', { model: 'large', regions: ['eu'] });
    await expect.poll(() => hub.bytesSent(), { timeout: 60_000 }).toBeGreaterThan(large.length / 4);
    const [volume] = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume');
    await ecolink.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/name=ecolink-download', '--wait=false');
    await meanwhile(ecolink);
    hub.faults.throttle = undefined;
    await expect.poll(() => ecolink.cached('acme/large'), { timeout: 120_000, interval: 1000 }).toBe('ready');
    const [after] = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume');
    expect(after?.metadata.uid).toBe(volume?.metadata.uid);
    expect(hub.bytesSent()).toBeLessThanOrEqual(large.length + connections * mebibyte);
  });

  it('finishes a launch in both regions with one download for each', async () => {
    hub.resetCounters();
    hub.faults.throttle = mebibyte / 4;
    const { instance } = await ecolink.do('launch_instance', { model: 'tiny' });
    launched.push(instance as number);
    await expect.poll(() => hub.bytesSent(), { timeout: 60_000 }).toBeGreaterThan(0);
    await meanwhile(ecolink);
    hub.faults.throttle = undefined;
    await ecolink.until(instance as number, 'running');
    expect(hub.requestsTo('cdn', file)).toHaveLength(2);
  });

  it('says that an image does not exist', async () => {
    const instance = await launch({ runtime: 'missing' });
    await meanwhile(ecolink);
    expect(await ecolink.reason(instance, 'image_pull_failed')).toContain('ecolink.invalid/missing:1');
  });

  it('repeats the scheduler where there are not enough accelerators, and waits', async () => {
    const instance = await launch({ accelerator: 'gpu', accelerator_count: 64 });
    await meanwhile(ecolink);
    expect(await ecolink.reason(instance, 'unschedulable')).toContain('Insufficient nvidia.com/gpu');
    expect(await stateOf(instance)).toBe('starting');
  });

  it('says where a model was killed for memory, and serves it where there is enough', async () => {
    const instance = await launch({
      model: 'large',
      regions: ['eu', 'us'],
      context_length: 1024,
      // Held in memory, not mapped.
      arguments: ['--load-mode', 'none'],
    });
    await meanwhile(ecolink);
    expect(await ecolink.reason(instance, 'out_of_memory')).toContain(engineMemory);
    await ecolink.until(instance, 'degraded');
    const { regions } = (await ecolink.do('get_instance', { instance: String(instance) })) as Answer & {
      regions: { region: string; state: string; reason?: { code: string } }[];
    };
    expect(regions).toMatchObject([
      { region: 'eu', state: 'running' },
      { region: 'us', reason: { code: 'out_of_memory' } },
    ]);
    expect((await ecolink.chat(`large:${instance}`)).status).toBe(200);
  });

  it('has as many replicas as were asked for after some were killed', async () => {
    const instance = await launch({ replicas: 2 });
    await ecolink.until(instance, 'running');
    const uids = async () =>
      (await ecolink.list('pods', `ecolink.dev/instance=${instance}`)).map((each) => each.metadata.uid);
    const before = await uids();
    await ecolink.kubectl('delete', 'pod', '-l', `ecolink.dev/instance=${instance}`, '--grace-period=0', '--force');
    await meanwhile(ecolink);
    await ecolink.until(instance, 'running');
    const after = await uids();
    expect(after).toHaveLength(2);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    expect((await ecolink.chat(`tiny:${instance}`)).status).toBe(200);
  });

  it('carries a scale-down and a restart onto another entry to their end', async () => {
    const instance = await launch({ replicas: 2 });
    await ecolink.until(instance, 'running');
    await ecolink.do('scale_instance', { instance: String(instance), replicas: 1 });
    await meanwhile(ecolink);
    const pods = () => ecolink.list('pods', `ecolink.dev/instance=${instance}`);
    await expect.poll(async () => (await pods()).length, { timeout: 60_000, interval: 1000 }).toBe(1);
    await ecolink.do('restart_instance', { instance: String(instance), model: 'large' });
    await meanwhile(ecolink);
    const served = async () => (await pods()).map((pod) => pod.metadata.annotations?.['ecolink.dev/generation']);
    await expect.poll(served, { timeout: 90_000, interval: 1000 }).toEqual(['2']);
    await ecolink.until(instance, 'running');
    expect((await ecolink.chat(`tiny:${instance}`)).status).toBe(200);
  });

  it('fetches again what somebody deleted and made again empty, though it says that it is complete', async () => {
    const instance = await launch({});
    await ecolink.until(instance, 'running');
    await ecolink.do('stop_instance', { instance: String(instance) });
    await ecolink.until(instance, 'stopped');
    hub.resetCounters();
    const claims = await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume,ecolink.dev/region=eu');
    const used = claims.find((each) => each.metadata.annotations?.['ecolink.dev/repo'] === 'acme/tiny');
    const { apiVersion, kind, metadata, spec } = used as KubernetesItem;
    const { name, labels, annotations } = metadata;
    const { volumeName: _bound, ...asked } = spec;
    // The download's pod, though it has ended, holds the claim back: EcoLink removes it.
    await ecolink.kubectl('delete', 'pvc', name);
    await ecolink.create({
      apiVersion,
      kind,
      metadata: { name, labels, annotations: complete(annotations) },
      spec: asked,
    });
    await ecolink.do('restart_instance', { instance: String(instance) });
    await meanwhile(ecolink);
    await ecolink.until(instance, 'running');
    expect(hub.requestsTo('cdn', file)).toHaveLength(1);
    expect((await ecolink.chat(`tiny:${instance}`)).status).toBe(200);
  });

  it('keeps a token for as long as a download takes, and says at once that one was revoked', async () => {
    await ecolink.do('prefetch_model', { model: 'gated', regions: ['eu'] });
    await expect.poll(() => ecolink.cached('acme/gated'), { timeout: 60_000 }).toBe('ready');
    await expect.poll(secrets, { timeout: 30_000 }).toEqual([]);
    await ecolink.do('evict_cache', { model: 'gated', regions: ['eu'] });
    hub.addToken(token, { revoked: true });
    const refused = await ecolink.run('register_model', { name: 'more', source: 'huggingface', repo: 'acme/gated' });
    expect(refused.error?.code).toBe('token_refused');
    const instance = await launch({ model: 'gated' });
    await meanwhile(ecolink);
    await ecolink.until(instance, 'failed');
    expect(await ecolink.reason(instance, 'token_refused')).toMatch(/token/i);
    await expect.poll(secrets, { timeout: 30_000 }).toEqual([]);
    const objects = await ecolink.kubectl('get', 'jobs,pods,configmaps', '-o', 'yaml');
    expect(objects).not.toContain(token);
    hub.addToken(token);
  });

  it('leaves nothing behind after stop, evict and delete', async () => {
    const instance = await launch({ regions: ['eu', 'us'], replicas: 2 });
    await ecolink.until(instance, 'running');
    await ecolink.do('stop_instance', { instance: String(instance) });
    await meanwhile(ecolink);
    await ecolink.until(instance, 'stopped', 200);
    const { items } = (await ecolink.do('list_cache')) as unknown as { items: { volume: string; state: string }[] };
    for (const { volume, state } of items) if (state !== 'absent') await ecolink.do('evict_cache', { volume });
    await meanwhile(ecolink);
    await ecolink.do('delete_instance', { instance: String(instance) });
    launched.length = 0;
    await meanwhile(ecolink);
    await expect.poll(() => ecolink.leftovers(), { timeout: 120_000, interval: 1000 }).toEqual([]);
  });
});

/** What EcoLink wrote, without what the cluster did: binding and provisioning are of the claim that went. */
function complete(annotations: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith('ecolink.dev/')));
}
