import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import { missing } from '../../support/missing.ts';
import { makeCertificate, startProxy } from '../../support/proxy.ts';
import { manifestOf, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

const files = { 'config.json': '{}', 'model.safetensors': { size: 600_000, seed: 'proxy' } };
const env = tuningEnv({ tries: 2 });

describe('a company’s network', () => {
  test('HTTP_PROXY is used, except for hosts in NO_PROXY', async () => {
    await using folder = await temporaryFolder();
    await using proxy = await startProxy();
    await using hub = await startHub();
    const manifest = manifestOf(hub, hub.addRepo('acme/proxied', { files }));
    using running = await startPull(folder.path, manifest, {
      env: { ...env, HTTP_PROXY: proxy.url, NO_PROXY: 'localhost' },
    });
    expect(await running.ended).toMatchObject({ status: 0 });
    expect(proxy.seen.filter((line) => line.includes('/resolve/')).length).toBe(2);
    expect(proxy.seen.filter((line) => line.includes('localhost')).length).toBe(0);
    expect(hub.requestsTo('cdn').length).toBe(3);
  });

  test('HTTPS_PROXY tunnels, and certificates in NODE_EXTRA_CA_CERTS are trusted', async () => {
    await using folder = await temporaryFolder();
    const tls = makeCertificate(folder.path);
    if (!tls) {
      return missing('no openssl here, so HTTPS through a proxy was not tested.');
    }
    await using proxy = await startProxy();
    await using hub = await startHub({ tls });
    const manifest = manifestOf(hub, hub.addRepo('acme/tunnelled', { files }));
    const withProxy = { ...env, https_proxy: proxy.url };
    using trusting = await startPull(folder.path, manifest, { env: { ...withProxy, NODE_EXTRA_CA_CERTS: tls.path } });
    expect(await trusting.ended).toMatchObject({ status: 0 });
    expect(proxy.seen).toContain(`CONNECT ${new URL(hub.endpoint).host}`);
    expect(proxy.seen).toContain(`CONNECT ${new URL(hub.cdnOrigin).host}`);

    // The trust of the machine, as an operator changes it for every program.
    const ofMachine = { NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: tls.path };
    using asMachine = await startPull(folder.path, manifest, {
      env: { ...withProxy, ...ofMachine },
      target: join(folder.path, 'machine'),
    });
    expect(await asMachine.ended).toMatchObject({ status: 0 });

    const tunnels = proxy.seen.filter((line) => line.startsWith('CONNECT')).length;
    using distrusting = await startPull(folder.path, manifest, { env: withProxy, target: join(folder.path, 'other') });
    expect(await distrusting.ended).toMatchObject({ status: 34 });
    // A certificate does not get better by trying again: each of the two files is asked for once.
    expect(proxy.seen.filter((line) => line.startsWith('CONNECT')).length).toBeLessThanOrEqual(tunnels + 2);
    expect(distrusting.events.at(-1)).toMatchObject({
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
  });
});
