import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { HttpClient } from '../../../src/core/download/http-client.ts';
import { quick } from './pulling.ts';

test('a kept connection that its server closes when it is used again is no failure', async () => {
  const used = new Set<Socket>();
  const server = createServer((request, response) => {
    if (used.has(request.socket)) {
      request.socket.resetAndDestroy();
      return;
    }
    used.add(request.socket);
    response.end('an answer');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  using client = new HttpClient({ ...quick, connections: 1 }, {}, new AbortController().signal);
  for (let asked = 0; asked < 3; asked += 1) {
    expect(await (await client.get(url, {})).text()).toBe('an answer');
  }
  expect(used.size).toBe(3);
  server.closeAllConnections();
  server.close();
});
