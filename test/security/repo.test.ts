import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { createHub } from '../../src/core/hub/hub.ts';

const commit = 'c'.repeat(40);
const file = (path: string, size = 5) => ({ type: 'file', path, size, oid: 'a'.repeat(40) });

/** A server that answers as a Hub about the repo, and in its own way about the tree. */
async function hostileHub(tree: (request: IncomingMessage, response: ServerResponse) => void) {
  let trees = 0;
  const server = createServer((request, response) => {
    if (request.url?.includes('/tree/')) {
      trees += 1;
      return tree(request, response);
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id: 'acme/tiny', _id: '1', sha: commit, private: false, gated: false }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { trees: () => trees, inspect: () => createHub(endpoint).inspect('acme/tiny', 'main', undefined) };
}

test('pages without an end are not followed without an end', async () => {
  const hub = await hostileHub((request, response) => {
    const next = `<http://${request.headers.host}/api/models/acme/tiny/tree/${commit}?cursor=again>; rel="next"`;
    response.writeHead(200, { 'content-type': 'application/json', link: next });
    response.end(JSON.stringify([file('same.bin')]));
  });
  await expect(hub.inspect()).rejects.toMatchObject({ code: 'too_many_files' });
  expect(hub.trees()).toBeLessThan(500);
});

const spaces = Buffer.alloc(1024 ** 2, ' ');

/** Goes on for as long as somebody reads. */
function pour(response: NodeJS.WritableStream & { destroyed?: boolean }): void {
  const more = (): void => {
    while (response.destroyed !== true && response.write(spaces));
  };
  response.on('drain', more);
  more();
}

test('an answer without an end is read up to its limit', async () => {
  const hub = await hostileHub((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.on('error', () => undefined);
    pour(response);
  });
  await expect(hub.inspect()).rejects.toMatchObject({ code: 'hub_error' });
});

test('a small answer that unpacks without an end is read up to its limit', async () => {
  const hub = await hostileHub((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    const packed = createGzip();
    packed.on('error', () => undefined);
    response.on('close', () => packed.destroy());
    packed.pipe(response);
    pour(packed);
  });
  await expect(hub.inspect()).rejects.toMatchObject({ code: 'hub_error' });
});

test('sizes that cannot be added are refused', async () => {
  const hub = await hostileHub((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify([file('a', Number.MAX_SAFE_INTEGER), file('b', Number.MAX_SAFE_INTEGER)]));
  });
  await expect(hub.inspect()).rejects.toMatchObject({ code: 'hub_error' });
});
