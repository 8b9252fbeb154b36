import { mkdtemp, rm } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The shortest limit of the path of a Unix socket is that of macOS: 104 bytes with the zero at its end. */
const longestPath = 103;

export interface LocalSocket {
  path: string;
  close(): Promise<void>;
}

/**
 * Listens on a Unix socket that only this account can reach, for the programs of this account. The requests go to the
 * server. It is in the data folder. If that cannot hold a socket, it is in a private folder among the temporary files.
 */
export async function listenOnSocket(server: HttpServer, dataDir: string): Promise<LocalSocket> {
  // Documented for http.Server: a connection may be handed to it.
  const listener = createServer((socket) => void server.emit('connection', socket));
  const path = join(dataDir, 'server.sock');
  const inDataFolder = Buffer.byteLength(path) <= longestPath && (await canListen(listener, path));
  if (inDataFolder) return { path, close: () => stop(listener) };
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-'));
  const elsewhere = join(folder, 'server.sock');
  await listen(listener, elsewhere);
  return {
    path: elsewhere,
    async close() {
      await stop(listener);
      await rm(dirname(elsewhere), { recursive: true, force: true });
    },
  };
}

/** False where the filesystem has no sockets, as some mounts of containers. */
async function canListen(listener: Server, path: string): Promise<boolean> {
  try {
    // A server that was killed leaves its socket. The lock of the data folder says that no other server runs.
    await rm(path, { force: true });
    await listen(listener, path);
    return true;
  } catch {
    return false;
  }
}

async function listen(listener: Server, path: string): Promise<void> {
  listener.listen(path);
  await once(listener, 'listening');
}

/** Waits for the connections that it has accepted. */
function stop(listener: Server): Promise<void> {
  return new Promise((resolve) => void listener.close(() => resolve()));
}
