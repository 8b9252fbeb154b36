import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startControlPlane } from '../support/control-plane.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { startNodes } from './support/nodes.ts';
import type { StandIn } from './support/nodes.ts';
import { engine, keyFor, makeNamespace, openRegion, workloadOf } from './support/regions.ts';

let plane: ControlPlane;
let nodes: StandIn;

beforeAll(async () => {
  plane = await startControlPlane();
  nodes = await startNodes(plane, [{ name: 'eu-1' }]);
});
afterAll(async () => {
  await nodes[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
});

/** The API server does not proxy to loopback addresses. */
const address = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address;

test.skipIf(address === undefined)(
  "calls reach a pod through the API server's proxy, as a stream and without the caller's token",
  async () => {
    const seen: {
      method?: string | undefined;
      url?: string | undefined;
      headers: IncomingHttpHeaders;
      body: string;
    }[] = [];
    const server = createServer(async (request, response) => {
      const chunks = await request.toArray();
      seen.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      if (request.url === '/refuse') {
        response.writeHead(404, { 'content-type': 'application/json' });
        response.end('{"error":{"code":"model_not_found"}}');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      response.end('data: [DONE]\n\n');
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const namespace = await makeNamespace(plane, { reach: 'api-proxy' });
    nodes.address = address;
    await using region = await openRegion(plane, namespace, {
      config: { reach: 'api-proxy' },
      runtimes: [{ ...engine, port }],
    });
    await region.applyWorkload(workloadOf(keyFor('any'), { location: { kind: 'volume', volume: keyFor('any') } }));
    await plane.call('POST', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
      metadata: { name: keyFor('any') },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
    });
    const url = await vi.waitFor(async () => {
      const [replica] = await region.observeWorkload(7);
      expect(replica?.state).toBe('ready');
      return replica?.url as string;
    }, 30_000);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\//);
    const answer = await fetch(`${url}/v1/chat/completions?x=1`, {
      method: 'POST',
      headers: { authorization: 'Bearer eco_callers', 'x-request-id': 'r1' },
      body: '{"model":"tiny:7"}',
    });
    expect(await answer.text()).toBe('data: one\n\ndata: [DONE]\n\n');
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/v1/chat/completions?x=1',
        body: '{"model":"tiny:7"}',
        headers: { 'x-request-id': 'r1' },
      },
    ]);
    expect(JSON.stringify(seen[0]?.headers)).not.toContain('Bearer');
    expect((await fetch(url.replace(/[0-9a-f]{32}/, 'f'.repeat(32)))).status).toBe(404);

    // An error of the engine is an answer. An error of the API server, which cannot reach the engine, is none.
    const refused = await fetch(`${url}/refuse`);
    expect([refused.status, await refused.json()]).toEqual([404, { error: { code: 'model_not_found' } }]);
    server.close();
    server.closeAllConnections();
    await expect(fetch(`${url}/v1/models`)).rejects.toThrow('fetch failed');
  },
);
