import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../client/client.ts';
import { readServerFile } from '../client/data-folder.ts';
import { isAlive } from '../client/find-server.ts';
import { fail } from '../core/base/errors.ts';
import { clientEnvironment, loadConfig } from '../core/config/load.ts';
import type { Terminal } from './output/terminal.ts';

/** The server ends its running calls first, which may take a minute. */
const patienceMs = 120_000;
const intervalMs = 100;

/** Stops the server of the data folder and waits for its end. Throws `server_not_running`, `server_still_runs`. */
export async function stopServer(terminal: Terminal): Promise<void> {
  const { dataDir } = loadConfig();
  const { url, singleUser } = clientEnvironment();
  if (url !== undefined)
    throw fail('bad_environment', `ECOLINK_URL names the server ${url}, which this command cannot stop.`, {
      nextStep: 'Unset ECOLINK_URL to stop the server of this data folder, or stop that one on its machine.',
    });
  // The number of a process may belong to another program by now. Only a server that greets is stopped.
  await connect({ dataDir, source: 'cli', singleUser });
  const pid = (await readServerFile(dataDir))?.pid;
  if (pid === undefined) return;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + patienceMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw stillRuns(pid);
    await pause(intervalMs);
  }
  terminal.out(`The server on ${dataDir} has stopped. Its instances go on when it starts again.`);
}

function stillRuns(pid: number): Error {
  return fail('server_still_runs', `The server (process ${pid}) was told to stop, and still ends its running calls.`, {
    nextStep: `Wait for them. Or end it at once: kill -9 ${pid}`,
  });
}
