import { dirname } from 'node:path';
import { z } from 'zod';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { findWritersOf, privacyError } from '../core/base/private-folder.ts';
import { say, task } from '../core/base/prose.ts';
import { systemErrorCode } from '../core/base/system-error.ts';
import { localTokenPath, readLocalToken, readServerFile } from './data-folder.ts';
import type { ServerFile } from './data-folder.ts';
import { exchange, notRunning, socketAgent } from './exchange.ts';
import type { Target } from './exchange.ts';

export interface ServerAddress {
  dataDir: string;
  /** ECOLINK_URL: a server elsewhere. It needs `token`: the local token never leaves its machine. */
  url?: string | undefined;
  /** ECOLINK_TOKEN. */
  token?: string | undefined;
  /** Where the token came from, to be named if it is refused. Default: ECOLINK_TOKEN. */
  tokenFrom?: string | undefined;
  /** ECOLINK_SINGLE_USER: no other account uses this machine. */
  singleUser?: boolean | undefined;
}

const greetingMs = 5_000;

/** The server that the address names, once it has greeted. Throws `server_not_running`, `server_outdated`, `token_missing`, `bad_environment`, and what is wrong with the data folder. */
export async function findServer(address: ServerAddress): Promise<Target> {
  const target = await findTarget(address);
  await greet(target);
  return target;
}

async function findTarget(address: ServerAddress): Promise<Target> {
  const { dataDir, url, token, tokenFrom = 'ECOLINK_TOKEN' } = address;
  const named = url === undefined ? undefined : checkedUrl(url);
  if (named === undefined) refuseWriters(dataDir, address);
  const file = await readServerFile(dataDir);
  if (named === undefined || named === file?.url) {
    if (!file) throw notRunning('No EcoLink server runs on this data folder.');
    const socket = socketAgent(socketOf(file, address));
    return { url: file.url, socket, ...(await localOr(token, tokenFrom, dataDir)) };
  }
  if (token === undefined) {
    throw fail('token_missing', `ECOLINK_URL names the server ${named}, but ECOLINK_TOKEN is not set.`, {
      nextStep: say`Make a token on that server and set ECOLINK_TOKEN to it: ${task('create_operate_token')}.`,
    });
  }
  return { url: named, token, tokenFrom };
}

/**
 * A server that was killed leaves its port to whoever takes it. So the local token goes only to a socket in a folder that
 * no other account can write. docs/design/shared-machine.md says why.
 */
function socketOf({ socket, pid, url }: ServerFile, address: ServerAddress): string {
  if (socket === undefined)
    throw isAlive(pid) ? outdated(url) : notRunning('No EcoLink server runs on this data folder.');
  for (const folder of new Set([address.dataDir, dirname(socket)])) refuseWriters(folder, address);
  return socket;
}

/** Another account must not write the folder: it could put a server of its own there. */
function refuseWriters(folder: string, { singleUser }: ServerAddress): void {
  const [problem] = findWritersOf(folder, { singleUser });
  if (problem) throw privacyError(problem);
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return systemErrorCode(thrown) === 'EPERM';
  }
}

function outdated(url: string): EcolinkError {
  return fail('server_outdated', `The server at ${url} is of an older version: it cannot prove who it is.`, {
    nextStep: say`Stop it, then start it in this version: ${task('start_server')}.`,
  });
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url.replace(/\/+$/, '');
  throw fail('bad_environment', `ECOLINK_URL is not a URL: ${JSON.stringify(url.slice(0, 100))}.`, {
    nextStep: 'Set it to something like http://127.0.0.1:7420, or unset it to use the server on this machine.',
  });
}

async function localOr(
  token: string | undefined,
  tokenFrom: string,
  dataDir: string,
): Promise<Pick<Target, 'token' | 'tokenFrom'>> {
  if (token !== undefined) return { token, tokenFrom };
  const path = localTokenPath(dataDir);
  const found = await readLocalToken(dataDir);
  if (found !== undefined) return { token: found, tokenFrom: path };
  throw fail('token_missing', `There is no token in ${path}.`, {
    nextStep: 'Start the server again: it makes the file. Or set ECOLINK_TOKEN.',
  });
}

const greeting = z.object({ service: z.literal('ecolink') });

/** The token is sent only after this. Another program may listen at the address. */
async function greet(target: Target): Promise<void> {
  const stranger = `What answers at ${target.url} is not an EcoLink server.`;
  const { body } = await exchange(target, '/healthz', {}, { timeoutMs: greetingMs }).catch((thrown: unknown) => {
    if (thrown instanceof EcolinkError && thrown.code === 'server_lost') throw notRunning(stranger, thrown);
    throw thrown;
  });
  if (!greeting.safeParse(body).success) throw notRunning(stranger);
}
