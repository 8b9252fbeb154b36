import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SocketModeReceiver } from '@slack/bolt';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { keepConnected } from '../../src/slack/connect/socket.ts';
import { createLog } from '../../src/core/base/log.ts';

const log = createLog({ level: 'silent', pretty: false });
const patient = { timeout: 20_000 };

/** Slack's side of Socket Mode: the call that gives an address, and the connections. */
async function startSocketSide() {
  const connections: WebSocket[] = [];
  const side = { connections, refuses: false, opened: 0, says: true };
  const server = createServer((_request, response) => {
    side.opened += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    const { port } = server.address() as AddressInfo;
    response.end(
      JSON.stringify(side.refuses ? { ok: false, error: 'fatal' } : { ok: true, url: `ws://127.0.0.1:${port}/` }),
    );
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    connections.push(socket);
    if (side.says) hello(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of connections) socket.terminate();
    sockets.close();
    server.close();
  });
  const slackApiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  const make = () =>
    new SocketModeReceiver({
      appToken: 'xapp-1',
      autoReconnectEnabled: false,
      installerOptions: { clientOptions: { slackApiUrl, retryConfig: { retries: 0 } } },
    }).client;
  const close = await keepConnected(make, log);
  onTestFinished(close);
  return side;
}

function hello(socket: WebSocket | undefined): void {
  socket?.send(JSON.stringify({ type: 'hello', num_connections: 1, connection_info: { app_id: 'A1' } }));
}

function announceEnd(socket: WebSocket | undefined): void {
  socket?.send(JSON.stringify({ type: 'disconnect', reason: 'warning', debug_info: {} }));
}

test('when Slack announces the end of a connection, the next one is open before it goes', async () => {
  const side = await startSocketSide();
  side.says = false;
  announceEnd(side.connections[0]);
  await expect.poll(() => side.connections.length, patient).toBe(2);
  expect(side.connections[0]?.readyState).toBe(1);
  hello(side.connections[1]);
  await expect.poll(() => side.connections[0]?.readyState, patient).toBe(3);
  expect(side.connections[1]?.readyState).toBe(1);
  // It goes on like that.
  side.says = true;
  announceEnd(side.connections[1]);
  await expect.poll(() => side.connections[1]?.readyState, patient).toBe(3);
  expect(side.connections.map(({ readyState }) => readyState)).toEqual([3, 3, 1]);
});

test('a connection that breaks, and a next one that does not open, are made again', async () => {
  const side = await startSocketSide();
  side.refuses = true;
  announceEnd(side.connections[0]);
  await expect.poll(() => side.opened, patient).toBeGreaterThan(2);
  side.refuses = false;
  await expect.poll(() => side.connections[1]?.readyState, patient).toBe(1);
  side.connections[1]?.terminate();
  await expect.poll(() => side.connections[2]?.readyState, patient).toBe(1);
});
