import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { callsDuring, longCall } from '../support/cluster/calls.ts';
import { slowEngines } from '../support/cluster/engines.ts';
import { given, Installation, regionNames } from '../support/cluster/install.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

describe('An instance in two regions that is called all the time', () => {
  const ecolink = new Installation();
  let hub: Hub;
  let instance: number;
  let model: string;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    await ecolink.start({ hubEndpoint: hub.endpoint });
    for (const [seed, name] of ['tiny', 'other'].entries()) {
      const files = { [`${name}.gguf`]: makeTinyGguf({ seed }) };
      hub.addRepo(`acme/${name}`, { files, pipeline_tag: 'text-generation' });
      await ecolink.do('register_model', { name, source: 'huggingface', repo: `acme/${name}` });
    }
    instance = (await ecolink.do('launch_instance', { model: 'tiny', replicas: 2 }))['instance'] as number;
    await ecolink.until(instance, 'running');
    model = `tiny:${instance}`;
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const pods = (more = '') => ecolink.list('pods', `ecolink.dev/instance=${instance}${more}`);
  const kill = (name: string) => ecolink.kubectl('delete', 'pod', name, '--grace-period=0', '--force');
  const ready = async () => {
    const { regions } = (await ecolink.do('get_instance', { instance: String(instance) })) as unknown as {
      regions: { ready: number }[];
    };
    return regions.map((each) => each.ready);
  };

  it('answers every call though a replica was killed with some of them in hands: they are tried elsewhere', async () => {
    const [victim] = await pods(',ecolink.dev/region=eu');
    const name = victim?.metadata.name ?? '';
    const answers = await callsDuring(ecolink, model, { count: 6, call: longCall }, async () => {
      await expect.poll(() => ecolink.kubectl('logs', name, '-c', 'engine'), { timeout: 60_000 }).toContain('task');
      await kill(name);
      const names = async () => (await pods()).map((each) => each.metadata.name);
      await expect.poll(names, { timeout: 60_000 }).not.toContain(name);
      await ecolink.until(instance, 'running');
    });
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(await ecolink.kubectl('logs', 'deploy/ecolink', '--tail=-1')).toContain('a replica did not answer');
  });

  it('ends a stream that lost its replica with an error, never as if it were whole', async () => {
    const answer = await ecolink.chat(model, { ...longCall, stream: true });
    const doomed = (await pods()).map((each) => each.metadata.name);
    const [text] = await Promise.all([answer.text(), ...doomed.map(kill)]);
    expect(text).toMatch(/^data: /);
    expect(text.trimEnd().split('\n').at(-1)).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    await expect.poll(ready, { timeout: 60_000 }).toEqual([2, 2]);
  });

  const shortStream = { count: 4, call: { stream: true, max_tokens: 20, ignore_eos: true } };

  it('rolls over to another entry, download included, and no caller meets an error', async () => {
    const answers = await callsDuring(ecolink, model, shortStream, async () => {
      await ecolink.do('restart_instance', { instance: String(instance), model: 'other' });
      const volumes = async () => new Set((await pods()).map((pod) => pod.metadata.labels?.['ecolink.dev/volume']));
      const before = await volumes();
      const all = async () => [...(await volumes())].some((volume) => before.has(volume));
      await expect.poll(all, { timeout: 200_000, interval: 1000 }).toBe(false);
      await ecolink.until(instance, 'running');
    });
    expect(answers.length).toBeGreaterThan(10);
    expectWhole(answers);
    expect(await ecolink.do('get_instance', { instance: String(instance) })).toMatchObject({
      model: 'other',
      model_id: model,
    });
  });

  it('answers every call at the gateways while the server is killed and comes back', async () => {
    await using gateway = await ecolink.forwardGateway();
    const call = () =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${ecolink.token}` },
        body: JSON.stringify({ model, max_tokens: 4, messages: [{ role: 'user', content: 'hello' }] }),
      });
    const back = new AbortController();
    const statuses: number[] = [];
    const calling = (async () => {
      while (!back.signal.aborted) statuses.push((await call()).status);
    })();
    await ecolink.killServer().finally(() => back.abort());
    await calling;
    expect(statuses.length).toBeGreaterThan(10);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('scales down without an error to any caller', async () => {
    const answers = await callsDuring(ecolink, model, shortStream, async () => {
      await ecolink.do('scale_instance', { instance: String(instance), replicas: 1 });
      await expect
        .poll(async () => (await pods()).length, { timeout: 200_000, interval: 1000 })
        .toBe(regionNames.length);
    });
    expect(answers.length).toBeGreaterThan(10);
    expectWhole(answers);
  });
});

describe('Engines that are told to end while they have calls', () => {
  const ecolink = new Installation();
  const words = 25;
  const runtimes = ['blunt', 'polite'];
  let hub: Hub;
  let instances: number[];

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    await ecolink.start({ hubEndpoint: hub.endpoint, runtimes: slowEngines });
    hub.addRepo('acme/tiny', { files: { 'tiny.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
    await ecolink.do('register_model', { name: 'tiny', source: 'huggingface', repo: 'acme/tiny' });
    const launched = runtimes.map((runtime) => ecolink.do('launch_instance', { model: 'tiny', runtime }));
    instances = (await Promise.all(launched)).map((receipt) => receipt['instance'] as number);
    await all((instance) => ecolink.until(instance, 'running'));
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const all = <T>(each: (instance: number) => Promise<T>) => Promise.all(instances.map(each));
  /** Streams that go on when the work is done; answers with all of them, whole. */
  const streamsOver = async (work: () => Promise<unknown>) => {
    const stream = (instance: number) => ecolink.chat(`tiny:${instance}`, { stream: true, max_tokens: words });
    const begun = await Promise.all([all(stream), all(stream)]);
    await work();
    return Promise.all(begun.flat().map(async (answer) => ({ status: answer.status, text: await answer.text() })));
  };
  const pods = async () =>
    (await all((instance) => ecolink.list('pods', `ecolink.dev/instance=${instance}`)))
      .flat()
      .map((each) => each.metadata.name);

  it('finish them over a restart', async () => {
    const before = await pods();
    expectWhole(
      await streamsOver(() => all((instance) => ecolink.do('restart_instance', { instance: String(instance) }))),
    );
    const old = async () => (await pods()).filter((name) => before.includes(name));
    await expect.poll(old, { timeout: 90_000, interval: 1000 }).toEqual([]);
    await all((instance) => ecolink.until(instance, 'running'));
  });

  it('finish them over a stop, and get no new ones', async () => {
    const answers = await streamsOver(async () => {
      await all((instance) => ecolink.do('stop_instance', { instance: String(instance) }));
      const refused = await all((instance) => ecolink.chat(`tiny:${instance}`));
      expect(refused.map((answer) => answer.status)).toEqual([404, 404]);
    });
    expectWhole(answers);
    await all((instance) => ecolink.until(instance, 'stopped', 90));
    await expect.poll(pods, { timeout: 30_000 }).toEqual([]);
  });
});

function expectWhole(answers: readonly { status: number; text: string }[]): void {
  const broken = answers.filter(({ status, text }) => status !== 200 || !text.trimEnd().endsWith('data: [DONE]'));
  expect(broken.map(({ status, text }) => `${status} ${text.slice(-300)}`)).toEqual([]);
}
