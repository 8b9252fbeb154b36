import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createPlainServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { listeningPort } from '../../../src/core/base/listening-port.ts';
import { HttpClient } from '../../../src/core/download/wire/http-client.ts';
import { quick } from './pulling.ts';

test('a kept connection that the server closes on reuse is no failure', async () => {
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
  const url = new URL(`http://127.0.0.1:${listeningPort(server)}/`);
  using client = new HttpClient({ ...quick, connections: 1 }, {}, new AbortController().signal);
  for (let asked = 0; asked < 3; asked += 1) {
    expect(await (await client.get(url, {})).text()).toBe('an answer');
  }
  expect(used.size).toBe(3);
  server.closeAllConnections();
  server.close();
});

/** Sends these bytes on every connection. With `close` it then closes the connection. */
async function serving(bytes: string, options: { close: boolean }) {
  const server = createPlainServer((socket) => {
    socket.on('error', () => undefined);
    // In two pieces, so that the client must wait for the second.
    socket.once('data', () => {
      socket.write(bytes.slice(0, -3), () =>
        setImmediate(() => socket.write(bytes.slice(-3), () => options.close && socket.end())),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${listeningPort(server)}/`);
  return { url, [Symbol.dispose]: () => void server.close() };
}

test.each([
  ['a Content-Length', 'HTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\nnot so', false],
  ['chunks', 'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnot \r\n2;x=y\r\nso\r\n0\r\n\r\n', false],
  [
    'a Content-Length, behind informational answers',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\nnot so',
    false,
  ],
  ['the end of the connection', 'HTTP/1.1 403 No\r\n\r\nnot so', true],
])('a refusal that ends with %s is read to its end', async (_, bytes, close) => {
  using server = await serving(bytes, { close });
  using client = new HttpClient(quick, {}, new AbortController().signal);
  expect(await (await client.get(server.url, {})).text()).toBe('not so');
});

test('a response that is not HTTP is a transient error', async () => {
  using server = await serving('SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n', { close: false });
  using client = new HttpClient(quick, {}, new AbortController().signal);
  await expect(client.get(server.url, {})).rejects.toMatchObject({ name: 'TransientError', code: 'hub_protocol' });
});
