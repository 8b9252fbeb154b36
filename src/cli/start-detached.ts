import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../client/client.ts';
import { fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { ensurePrivateFolder } from '../core/base/private-folder.ts';
import { say, task } from '../core/base/prose.ts';
import { clientEnvironment } from '../core/config/load.ts';
import type { Terminal } from './output/terminal.ts';

/** A first start migrates the store and reads every region. */
const startTimeoutMs = 60_000;
/** What `serve` prints if another server uses the data folder. */
const folderTaken = 'error[folder_in_use]';

/** Starts `ecolink serve` as a process that outlives this one. Returns when it is ready. Throws `server_did_not_start`. */
export async function startDetached(dataDir: string, find: () => Promise<Client>, terminal: Terminal): Promise<void> {
  const logFile = join(dataDir, 'server.log');
  ensurePrivateFolder(dataDir, { singleUser: clientEnvironment().singleUser });
  const log = openSync(logFile, 'a', 0o600);
  const printed = fstatSync(log).size;
  const child = spawn(process.execPath, [programFile(), 'serve'], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let exit: number | null | undefined;
  child.once('exit', (status) => (exit = status));
  child.once('error', () => (exit = null));
  child.unref();
  terminal.err(
    `No EcoLink server runs on ${dataDir}: starting one. It stays when this program ends. Its log is ${logFile}.`,
  );
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    const url = await urlOf(find);
    if (url !== undefined && (await isReady(url))) return terminal.err(`The EcoLink server is ready at ${url}.`);
    // Two assistants may start a server at once: the second server gives up, and the first one serves both.
    if (exit !== undefined && !readFileSync(logFile).includes(folderTaken, printed)) break;
    await pause(100);
  }
  throw didNotStart(logFile, printed);
}

function programFile(): string {
  return fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));
}

async function urlOf(find: () => Promise<Client>): Promise<string | undefined> {
  try {
    return (await find()).url;
  } catch {
    return undefined;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

/** `printed`: the bytes that the log had before. */
function didNotStart(logFile: string, printed: number): Error {
  const said = tellingLines(logFile, printed);
  const message = `The EcoLink server did not start${said === '' ? '.' : `; its log says: ${said}`}`;
  return fail('server_did_not_start', message, {
    nextStep: say`Read ${logFile}, or start it in a terminal: ${task('start_server')}.`,
  });
}

/** The error that the server printed, with its next step. Without one, the last line. */
function tellingLines(file: string, printed: number): string {
  try {
    const lines = readFileSync(file).subarray(printed).toString('utf8').trim().split('\n');
    const error = lines.findLastIndex((each) => each.startsWith('error['));
    return plainText(lines.slice(error).join(' ')).slice(0, 600);
  } catch {
    return '';
  }
}
