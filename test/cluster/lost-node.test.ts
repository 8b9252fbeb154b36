import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { given, Installation } from '../support/cluster/install.ts';
import type { Answer } from '../support/cluster/install.ts';
import { canLoseNodes, loseNode, nodeOf } from '../support/cluster/nodes.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';

const mebibyte = 1024 ** 2;
const largeBytes = 48 * mebibyte;
const connections = 4;

interface Instance extends Answer {
  regions: { region: string; state: string; reason?: { message: string } }[];
}

describe.skipIf(!canLoseNodes)('EcoLink in a cluster that loses a node', () => {
  const ecolink = new Installation();
  let hub: Hub;
  let node: string;

  beforeAll(async () => {
    hub = await startHub({ host: given.host });
    hub.addRepo('acme/tiny', { files: { 'tiny.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
    hub.addRepo('acme/large', {
      files: { 'large.gguf': { size: largeBytes, seed: 7 } },
      pipeline_tag: 'text-generation',
    });
    node = await nodeOf('eu');
    await ecolink.start({
      hubEndpoint: hub.endpoint,
      values: { nodeSelector: { 'topology.kubernetes.io/region': 'us' } },
      region: () => ({
        environment: { ECOLINK_PULL_CONNECTIONS: String(connections), ECOLINK_PULL_RANGE_KIB: '1024' },
      }),
    });
  });
  afterAll(async () => {
    await ecolink[Symbol.asyncDispose]();
    await hub.close();
  });

  it('is degraded, says where, and answers from the other region, though its own pod is killed too', async () => {
    await ecolink.do('register_model', { name: 'tiny', source: 'huggingface', repo: 'acme/tiny' });
    const instance = (await ecolink.do('launch_instance', { model: 'tiny' }))['instance'] as number;
    await ecolink.until(instance, 'running');
    {
      await using _lost = await loseNode(node);
      // Half of them reach a replica that is silent from now on.
      const waiting = Array.from({ length: 4 }, () => ecolink.chat(`tiny:${instance}`));
      const seen = (await ecolink.until(instance, 'degraded', 90)) as Instance;
      expect(seen.regions.find((each) => each.region === 'us')?.state).toBe('running');
      expect(seen.regions.find((each) => each.region === 'eu')?.state).not.toBe('running');
      expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual(waiting.map(() => 200));
      await ecolink.killServer();
      const calls = Array.from({ length: 8 }, () => ecolink.chat(`tiny:${instance}`));
      expect((await Promise.all(calls)).map((answer) => answer.status)).toEqual(calls.map(() => 200));
    }
    await ecolink.until(instance, 'running', 180);
    await ecolink.remove(instance);
  });

  it('goes on with a download whose node was lost, once there is a node again, though its own pod is killed meanwhile', async () => {
    await ecolink.do('register_model', { name: 'large', source: 'huggingface', repo: 'acme/large' });
    hub.resetCounters();
    hub.faults.throttle = mebibyte / 2;
    await ecolink.do('prefetch_model', { model: 'large', regions: ['eu'] });
    await expect.poll(() => hub.bytesSent(), { timeout: 60_000 }).toBeGreaterThan(largeBytes / 8);
    const pods = async () =>
      (await ecolink.list('pods', 'app.kubernetes.io/name=ecolink-download')).map((each) => each.metadata.uid);
    const before = await pods();
    const claims = async () =>
      (await ecolink.list('persistentvolumeclaims', 'ecolink.dev/volume')).map((each) => each.metadata.uid);
    const filled = await claims();
    {
      await using _lost = await loseNode(node);
      await ecolink.killServer();
      hub.faults.throttle = undefined;
      // The node's pod is given up, and another waits for a node.
      await expect.poll(pods, { timeout: 150_000, interval: 1000 }).not.toEqual(before);
    }
    await expect.poll(() => ecolink.cached('acme/large'), { timeout: 150_000, interval: 1000 }).toBe('ready');
    expect(await claims()).toEqual(filled);
    // At most the ranges in flight again: those when the node was lost, and those when its pod was ended.
    expect(hub.bytesSent()).toBeLessThanOrEqual(largeBytes + 2 * connections * mebibyte);
  });
});
