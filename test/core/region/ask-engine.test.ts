import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { askEngine } from '../../../src/core/region/ask-engine.ts';
import { deadUrl, startEngine } from '../../support/engine.ts';

/** Never ends, and never falls silent. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 5);
  response.once('close', () => clearInterval(timer));
}

/** Sends whatever a test says, without HTTP's help. */
async function startRaw(answer: (socket: Socket) => void) {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Sockets of this process. */
function openSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      // The descriptor of the folder itself is closed by now.
      return false;
    }
  }).length;
}

test('an answer within the limits is returned, whatever its status', async () => {
  await using engine = await startEngine((response) => void response.writeHead(503).end('not yet'));
  expect(await askEngine(`${engine.url}/health?full=1`)).toEqual({ status: 503, text: 'not yet' });
  expect(engine.seen[0]?.url).toBe('/health?full=1');
  expect(await askEngine(await deadUrl())).toBeUndefined();
});

test('an engine cannot redirect the server', async () => {
  await using other = await startEngine();
  await using engine = await startEngine((response) => {
    response.writeHead(302, { location: `${other.url}/secret` }).end();
  });
  expect(await askEngine(`${engine.url}/health`)).toEqual({ status: 302, text: '' });
  expect(other.seen).toEqual([]);
});

test('an answer without an end is read to the limit and not further', async () => {
  let written = 0;
  await using engine = await startEngine((response) => {
    const block = Buffer.alloc(64 * 1024, 'x');
    const more = (): void => {
      while (!response.destroyed && response.write(block)) written += block.length;
    };
    response.on('drain', more);
    more();
  });
  expect(await askEngine(engine.url, { deadlineMs: 60_000, mostBytes: 100_000 })).toEqual({
    status: 200,
    text: undefined,
  });
  expect(written).toBeLessThan(64 << 20);
});

const hostile: Record<string, (socket: Socket) => void> = {
  'drips its body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
    repeat(socket, 'x');
  },
  'drips its headers': (socket) => repeat(socket, 'HTTP/1.1 200 OK\r\nx: y\r\n'),
  'sends informational answers for ever': (socket) => repeat(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'),
  'drips its trailers': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n');
    repeat(socket, 'x: y\r\n');
  },
  'sends no HTTP': (socket) => void socket.write('SSH-2.0-nothing\r\n'),
  'says nothing': () => {},
};

function repeat(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 5);
  socket.once('close', () => clearInterval(timer));
}

test.each(Object.entries(hostile))('an engine that %s costs a deadline and no socket', async (_name, answer) => {
  await using engine = await startRaw(answer);
  const before = openSockets();
  const looks = Array.from({ length: 20 }, () => askEngine(engine.url, { deadlineMs: 100 }));
  expect(new Set(await Promise.all(looks))).toEqual(new Set([undefined]));
  await expect.poll(() => engine.open.size).toBe(0);
  await expect.poll(openSockets).toBeLessThanOrEqual(before);
});

test('engines that answer keep no connection to the server either', async () => {
  await using dripping = await startEngine(drip);
  await using engine = await startEngine();
  const before = openSockets();
  for (let look = 0; look < 20; look++) {
    await askEngine(engine.url);
    await askEngine(dripping.url, { deadlineMs: 20 });
  }
  await expect.poll(openSockets).toBeLessThanOrEqual(before);
});
