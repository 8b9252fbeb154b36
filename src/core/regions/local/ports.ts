import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const recent = new Set<number>();
const remembered = 200;

/**
 * A port that nothing listens on, and that was not handed out a moment ago: an engine takes seconds to bind it, and
 * until then the system would give the same one again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await askSystem();
    if (recent.has(port)) continue;
    recent.add(port);
    if (recent.size > remembered) recent.delete(recent.values().next().value as number);
    return port;
  }
}

function askSystem(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
