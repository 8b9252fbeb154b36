import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
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
/** The exit status of `serve` if another server uses the data folder (kind `conflict`). */
const folderTaken = 5;

/** Starts `ecolink serve` as a process that outlives this one. Returns when it is ready. Throws `server_did_not_start`. */
export async function startDetached(dataDir: string, find: () => Promise<Client>, terminal: Terminal): Promise<void> {
  const logFile = join(dataDir, 'server.log');
  ensurePrivateFolder(dataDir, { singleUser: clientEnvironment().singleUser });
  const log = openSync(logFile, 'a', 0o600);
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
    if (exit !== undefined && exit !== folderTaken) break;
    await pause(100);
  }
  throw didNotStart(logFile);
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

function didNotStart(logFile: string): Error {
  const last = lastLine(logFile);
  const message = `The EcoLink server did not start${last === '' ? '.' : `; the last line of its log: ${last}`}`;
  return fail('server_did_not_start', message, {
    nextStep: say`Read ${logFile}, or start it in a terminal: ${task('start_server')}.`,
  });
}

function lastLine(file: string): string {
  try {
    return plainText(readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '').slice(0, 300);
  } catch {
    return '';
  }
}
