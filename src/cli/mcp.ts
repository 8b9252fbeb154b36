import { connect } from '../client/client.ts';
import type { Client } from '../client/client.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { clientEnvironment, loadConfig } from '../core/config/load.ts';
import { ownVersion } from '../core/config/version.ts';
import { serveMcpStdio } from '../mcp/stdio.ts';
import type { Terminal } from './output/terminal.ts';
import { startDetached } from './start-detached.ts';

/** Serves one assistant over stdio, as a client of the server. Starts the server if none runs and `start` is true. */
export async function mcp({ start }: { start: boolean }, terminal: Terminal): Promise<void> {
  const config = loadConfig();
  const named = clientEnvironment();
  const find = (): Promise<Client> => connect({ dataDir: config.dataDir, source: 'mcp', ...named });
  const findOrStart = async (): Promise<Client> => {
    try {
      return await find();
    } catch (thrown) {
      if (!isNotRunning(thrown) || !start || named.url !== undefined) throw thrown;
      await startDetached(config.dataDir, find, terminal);
      return find();
    }
  };
  let client = await findOrStart();
  await serveMcpStdio({
    version: ownVersion(),
    call: async (operation, input, options) => {
      try {
        return await client.call(operation, input, options);
      } catch (thrown) {
        // The server was restarted, perhaps on another port. Nothing answered, so nothing took effect yet.
        if (!isNotRunning(thrown)) throw thrown;
        client = await findOrStart();
        return client.call(operation, input, options);
      }
    },
  });
}

function isNotRunning(thrown: unknown): boolean {
  return thrown instanceof EcolinkError && thrown.code === 'server_not_running';
}
