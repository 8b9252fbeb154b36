import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '../core/base/errors.ts';
import { systemErrorCode } from '../core/base/system-error.ts';

/** Returns the address for clients on this machine. Throws `port_in_use`, `port_not_allowed`, `host_not_here`. */
export async function listen(server: HttpServer, host: string, port: number): Promise<string> {
  server.listen({ host, port });
  await once(server, 'listening').catch((thrown: unknown) => {
    throw listenError(thrown, host, port);
  });
  return urlOf(server.address());
}

/** Waits for requests in flight, at most for the grace. Then it cuts them off. */
export async function stopListening(server: HttpServer, finished: Promise<unknown>, graceMs: number): Promise<void> {
  // A kept-alive connection counts as open for a minute after its last answer.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await Promise.race([finished, delay(graceMs, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
  await finished;
}

/** The address for clients on this machine. A wildcard address is not one. */
export function urlOf(listening: AddressInfo | string | null): string {
  if (listening === null || typeof listening === 'string') throw new Error('The server listens on no port.');
  const { address, family, port } = listening;
  if (family === 'IPv6') return `http://[${address === '::' ? '::1' : address}]:${port}`;
  return `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`;
}

export function listenError(thrown: unknown, host: string, port: number): unknown {
  switch (systemErrorCode(thrown)) {
    case 'EADDRINUSE':
      return fail('port_in_use', `Port ${port} on ${host} is in use by another program.`, {
        nextStep: `Choose another with ECOLINK_PORT (ECOLINK_PORT=${port === 65535 ? 7420 : port + 1}), or stop the other program.`,
        cause: thrown,
      });
    case 'EACCES':
      return fail('port_not_allowed', `This account may not listen on port ${port}.`, {
        nextStep: 'Choose a port above 1023 with ECOLINK_PORT.',
        cause: thrown,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return fail('host_not_here', `${host} is not an address of this machine.`, {
        nextStep: 'Set ECOLINK_HOST to 127.0.0.1, or to 0.0.0.0 for all addresses.',
        cause: thrown,
      });
    default:
      return thrown;
  }
}
