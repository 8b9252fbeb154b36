import type { Server } from 'node:net';

/** The TCP port of a server that listens. Throws if it does not listen, or listens on a pipe. */
export function listeningPort(server: Pick<Server, 'address'>): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no TCP port.');
  return address.port;
}
