import { createServer } from 'node:net';
import { listeningPort } from '../../base/listening-port.ts';

const recent = new Set<number>();
const maximumRecent = 200;

/**
 * A port that nothing listens on and that was not handed out recently. An engine takes seconds to bind its port, and
 * until then the system would hand out the same one again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await askSystem();
    if (recent.has(port)) continue;
    recent.add(port);
    const [oldest] = recent;
    if (recent.size > maximumRecent && oldest !== undefined) recent.delete(oldest);
    return port;
  }
}

function askSystem(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const port = listeningPort(server);
      server.close(() => resolve(port));
    });
  });
}
