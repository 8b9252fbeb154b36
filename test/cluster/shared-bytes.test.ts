import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { given, Installation } from '../support/cluster/install.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import type { HubRepo } from '../support/hub/repo.ts';

const file = 'tiny-chat.gguf';
const secondReadme = '# tiny, with more words';
const weights = makeTinyGguf().length;
const isShared = given.accessMode === 'ReadWriteMany';

interface Plan {
  bytes_to_fetch: number;
  download: string;
  regions: { volume: { state: string; bytes_shared?: number; shared_by?: string } }[];
}

describe('a new commit that changes one small file', () => {
  const ecolink = new Installation();
  let hub: Hub;
  let repo: HubRepo;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    repo = hub.addRepo('acme/tiny-chat', {
      files: { [file]: makeTinyGguf(), 'README.md': '# tiny' },
      pipeline_tag: 'text-generation',
    });
    await ecolink.start({ hubEndpoint: hub.endpoint });
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  const register = (name: string) =>
    ecolink.do('register_model', { name, source: 'huggingface', repo: repo.id, include: ['*'] });

  const volumes = async () => {
    const { items } = await ecolink.do('list_cache');
    return items as { volume: string; state: string; bytes: number }[];
  };

  /** Fetches the model in one region. Returns the key of its volume. */
  async function prefetch(model: string): Promise<string> {
    const before = new Set((await volumes()).map(({ volume }) => volume));
    await ecolink.do('prefetch_model', { model, regions: ['eu'] });
    const added = async () => (await volumes()).find(({ volume }) => !before.has(volume));
    await expect.poll(async () => (await added())?.state, { timeout: 120_000, interval: 500 }).toBe('ready');
    return (await added())?.volume ?? '';
  }

  let first = '';
  let second = '';

  it('fetches the first commit from the Hub', async () => {
    await register('first');
    hub.resetCounters();
    first = await prefetch('first');
    expect(hub.bytesSent()).toBeGreaterThanOrEqual(weights);
  });

  it('plans to fetch only the small file', async () => {
    repo.push({ 'README.md': secondReadme });
    await register('second');
    const plan = (await ecolink.do('plan_launch', { model: 'second', regions: ['eu'] })) as unknown as Plan;
    const toFetch = isShared ? secondReadme.length : weights + secondReadme.length;
    expect(plan.bytes_to_fetch).toBe(toFetch);
    if (!isShared) return;
    expect(plan.regions[0]?.volume).toMatchObject({ state: 'miss', bytes_shared: weights, shared_by: 'copy' });
    expect(plan.download).toMatch(/to fetch \(.* copied in eu\)$/);
  });

  it('takes only the bytes of the small file from the Hub', async () => {
    hub.resetCounters();
    second = await prefetch('second');
    expect(hub.bytesSent()).toBe(isShared ? secondReadme.length : weights + secondReadme.length);
  });

  it('has a claim for each commit, and the same bytes in both', async () => {
    const claims = (await ecolink.list('persistentvolumeclaims')).map(({ metadata }) => metadata.name);
    expect(claims).toEqual(expect.arrayContaining([first, second]));
    const { items } = await ecolink.do('list_cache', { verify: true });
    expect((items as { state: string }[]).map(({ state }) => state)).toEqual(['ready', 'ready']);
  });

  it('runs the second commit after the first one is evicted', async () => {
    await ecolink.do('evict_cache', { model: 'first' });
    await expect
      .poll(async () => (await volumes()).find(({ volume }) => volume === first)?.state, { timeout: 60_000 })
      .not.toBe('ready');
    const { instance } = await ecolink.do('launch_instance', { model: 'second', regions: ['eu'] });
    await ecolink.until(instance as number, 'running');
    await ecolink.remove(instance as number);
  });
});
