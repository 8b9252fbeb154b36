import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../core/base/log.ts';
import type { ClientAddresses } from './client-address.ts';

export interface ConnectionLimits {
  connections: number;
  connections_per_address: number;
}

/** An attacker must not fill the log with what the limits keep out. */
const warnEveryMs = 60_000;

/** Closes connections above the limits before a byte of them is read. */
export function limitConnections(
  server: Server,
  addresses: ClientAddresses,
  { connections, connections_per_address: perAddress }: ConnectionLimits,
  log: Log,
): void {
  const open = new Map<string, number>();
  let warnedAt = -Infinity;
  const warn = (address: string | undefined): void => {
    if (performance.now() - warnedAt < warnEveryMs) return;
    warnedAt = performance.now();
    log.warn({ address }, 'too many connections: the newest were closed');
  };
  server.maxConnections = connections;
  server.on('drop', (dropped) => warn(dropped?.remoteAddress));
  server.prependListener('connection', (socket: Socket) => {
    const address = addresses.ofConnection(socket.remoteAddress);
    if (address === undefined) return;
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count <= perAddress) return;
    socket.destroy();
    warn(address);
  });
}
