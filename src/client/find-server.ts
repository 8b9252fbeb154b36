import { z } from 'zod';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import { localTokenPath, readLocalToken, readServerFile } from './data-folder.ts';
import { exchange, notRunning } from './exchange.ts';
import type { Target } from './exchange.ts';

export interface ServerAddress {
  dataDir: string;
  /** ECOLINK_URL: a server elsewhere. It needs `token`: the local token never leaves its machine. */
  url?: string | undefined;
  /** ECOLINK_TOKEN. */
  token?: string | undefined;
}

const greetingMs = 5_000;

/** The server that the address names, once it has greeted. Throws `server_not_running`, `token_missing`, `bad_environment`. */
export async function findServer(address: ServerAddress): Promise<Target> {
  const target = await findTarget(address);
  await greet(target);
  return target;
}

async function findTarget({ dataDir, url, token }: ServerAddress): Promise<Target> {
  const named = url === undefined ? undefined : checkedUrl(url);
  const file = await readServerFile(dataDir);
  if (named === undefined || named === file?.url) {
    if (!file) throw notRunning('No EcoLink server runs on this data folder.');
    return { url: file.url, pid: file.pid, ...(await localOr(token, dataDir)) };
  }
  if (token === undefined) {
    throw fail('token_missing', `ECOLINK_URL names the server ${named}, but ECOLINK_TOKEN is not set.`, {
      nextStep: say`Make a token on that server and set ECOLINK_TOKEN to it: ${task('create_operate_token')}.`,
    });
  }
  return { url: named, token, tokenFrom: 'ECOLINK_TOKEN' };
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url.replace(/\/+$/, '');
  throw fail('bad_environment', `ECOLINK_URL is not a URL: ${JSON.stringify(url.slice(0, 100))}.`, {
    nextStep: 'Set it to something like http://127.0.0.1:7420, or unset it to use the server on this machine.',
  });
}

async function localOr(token: string | undefined, dataDir: string): Promise<Pick<Target, 'token' | 'tokenFrom'>> {
  if (token !== undefined) return { token, tokenFrom: 'ECOLINK_TOKEN' };
  const tokenFrom = localTokenPath(dataDir);
  const found = await readLocalToken(dataDir);
  if (found !== undefined) return { token: found, tokenFrom };
  throw fail('token_missing', `There is no token in ${tokenFrom}.`, {
    nextStep: 'Start the server again: it makes the file. Or set ECOLINK_TOKEN.',
  });
}

const greeting = z.object({ service: z.literal('ecolink'), pid: z.int() });

/**
 * The token is sent only after this. A server that was killed leaves its file behind, and another program may listen on
 * its port now.
 */
async function greet(target: Target): Promise<void> {
  const stranger = `What answers at ${target.url} is not the EcoLink server of this data folder.`;
  const { body } = await exchange(target, '/healthz', {}, { timeoutMs: greetingMs }).catch((thrown: unknown) => {
    if (thrown instanceof EcolinkError && thrown.code === 'server_lost') throw notRunning(stranger, thrown);
    throw thrown;
  });
  const { data } = greeting.safeParse(body);
  if (data && (target.pid === undefined || data.pid === target.pid)) return;
  throw notRunning(stranger);
}
