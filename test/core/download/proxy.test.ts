import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as requestHttp } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startHub } from '../../support/hub/hub.ts';
import { manifestOf, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

/** A forward proxy that notes what it was asked for: whole requests, or tunnels. */
async function startProxy() {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const onward = requestHttp(request.url ?? '', { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy()).end();
  });
  server.on('connect', (request, socket, head) => {
    seen.push(`CONNECT ${request.url}`);
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A certificate that no client trusts unless it is told to. */
function makeCertificate(folder: string): { key: string; cert: string; path: string } | undefined {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' '),
    ...'-addext subjectAltName=DNS:localhost,IP:127.0.0.1'.split(' '),
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  if (made.status !== 0) return undefined;
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), path: cert };
}

const files = { 'config.json': '{}', 'model.safetensors': { size: 600_000, seed: 'proxy' } };
const env = tuningEnv({ tries: 2 });

describe('a company’s network', () => {
  test('HTTP_PROXY is used, and NO_PROXY excepts a host from it', async () => {
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

  test('HTTPS_PROXY tunnels, and NODE_EXTRA_CA_CERTS is believed', async () => {
    await using folder = await temporaryFolder();
    const tls = makeCertificate(folder.path);
    if (!tls) {
      console.warn('SKIPPED: no openssl here, so nobody saw HTTPS through a proxy.');
      return;
    }
    await using proxy = await startProxy();
    await using hub = await startHub({ tls });
    const manifest = manifestOf(hub, hub.addRepo('acme/tunnelled', { files }));
    const withProxy = { ...env, https_proxy: proxy.url };
    using trusting = await startPull(folder.path, manifest, { env: { ...withProxy, NODE_EXTRA_CA_CERTS: tls.path } });
    expect(await trusting.ended).toMatchObject({ status: 0 });
    expect(proxy.seen).toContain(`CONNECT ${new URL(hub.endpoint).host}`);
    expect(proxy.seen).toContain(`CONNECT ${new URL(hub.cdnOrigin).host}`);

    using distrusting = await startPull(folder.path, manifest, { env: withProxy, target: join(folder.path, 'other') });
    expect(await distrusting.ended).toMatchObject({ status: 10 });
    expect(distrusting.events.at(-1)).toMatchObject({
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
  });
});
