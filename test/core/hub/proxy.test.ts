import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import { missing } from '../../support/missing.ts';
import { makeCertificate, startProxy } from '../../support/proxy.ts';
import { temporaryFolder } from '../download/pulling.ts';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** `check-model` as a company's employee types it. */
async function check(folder: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [main, 'check-model', '--repo', 'acme/tiny', '--json'], {
    env: { PATH: process.env['PATH'], HOME: folder, ECOLINK_DATA_DIR: folder, ECOLINK_CONFIG: '/dev/null', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { output, errors };
}

test('a registration asks the Hub through HTTPS_PROXY, believes NODE_EXTRA_CA_CERTS, and heeds NO_PROXY', async () => {
  await using folder = await temporaryFolder();
  const tls = makeCertificate(folder.path);
  if (!tls) {
    return missing('no openssl here, so nobody saw a registration through a proxy.');
  }
  await using proxy = await startProxy();
  await using hub = await startHub({ tls });
  hub.addRepo('acme/tiny', { files: { 'model.gguf': { size: 1000, seed: 1 } }, pipeline_tag: 'text-generation' });
  const tunnel = `CONNECT ${new URL(hub.endpoint).host}`;
  const company = { HF_ENDPOINT: hub.endpoint, HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: tls.path };

  expect(JSON.parse((await check(folder.path, company)).output)).toMatchObject({ bytes: 1000, downloadable: true });
  expect(proxy.seen).toContain(tunnel);

  proxy.seen.length = 0;
  const excepted = await check(folder.path, { ...company, NO_PROXY: '127.0.0.1' });
  expect(JSON.parse(excepted.output)).toMatchObject({ bytes: 1000 });
  expect(proxy.seen).toEqual([]);

  const { NODE_EXTRA_CA_CERTS: _trusted, ...distrusting } = company;
  const ofMachine = { NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: tls.path };
  expect(JSON.parse((await check(folder.path, { ...distrusting, ...ofMachine })).output)).toMatchObject({
    bytes: 1000,
  });

  const { errors } = await check(folder.path, distrusting);
  expect(JSON.parse(errors)).toMatchObject({
    error: {
      code: 'certificate_not_trusted',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') as string,
    },
  });
});
