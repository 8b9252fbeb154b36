import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Log } from '../core/base/log.ts';
import type { RouteKeeper } from './route-keeper.ts';

export interface FollowOptions {
  /** The present URL of the server. It may change with a restart. Undefined while no server runs. */
  serverUrl: () => Promise<string | undefined>;
  credential: () => string;
  keeper: RouteKeeper;
  /** Takes the ids of tokens that made calls since the last time. */
  takeUses: () => string[];
  log: Log;
  signal: AbortSignal;
}

/** The server confirms its state twice a second. After this silence the connection counts as dead. */
const silenceMs = 5_000;
const firstRetryMs = 100;
const longestRetryMs = 2_000;
const noteUsesMs = 60_000;

/** Follows the server's routes until the signal is aborted. Never rejects: without a server, calls go on. */
export async function followServer(options: FollowOptions): Promise<void> {
  const { log, signal, keeper } = options;
  let wait = firstRetryMs;
  let said: string | undefined;
  let whole = false;
  while (!signal.aborted) {
    let reason = 'the connection ended';
    try {
      const url = await options.serverUrl();
      if (url === undefined) reason = 'no server runs';
      else {
        whole =
          (await followOnce(url, whole ? undefined : keeper.number(), options, () => {
            wait = firstRetryMs;
            if (said !== undefined) log.info('the server is there again');
            said = undefined;
          })) === 'again_whole';
      }
    } catch (thrown) {
      reason = thrown instanceof Error ? thrown.message : String(thrown);
    }
    if (signal.aborted) return;
    if (!whole && reason !== said) log.warn({ reason }, 'the gateway does not hear the server: calls go on');
    if (!whole) said = reason;
    await delay(wait, undefined, { signal }).catch(() => {});
    wait = Math.min(wait * 2, longestRetryMs);
  }
}

/** Returns `again_whole` if the next connection must ask for the whole state. */
async function followOnce(
  url: string,
  after: number | undefined,
  { credential, keeper, takeUses, log, signal }: FollowOptions,
  onTaken: () => void,
): Promise<'again_whole' | 'ended'> {
  const headers = { authorization: `Bearer ${credential()}` };
  const silent = new AbortController();
  const silence = setTimeout(() => silent.abort(new Error('The server fell silent.')), silenceMs);
  const either = AbortSignal.any([signal, silent.signal]);
  const query = after === undefined ? '' : `?after=${after}`;
  const { statusCode, body } = await request(`${url}/gateways/routes${query}`, {
    headers,
    signal: either,
    bodyTimeout: 0,
  });
  const uses = setInterval(() => void sendUses(url, headers, takeUses()).catch(() => {}), noteUsesMs);
  try {
    if (statusCode !== 200) throw new Error(`The server answers with status ${statusCode}.`);
    for await (const line of createInterface({ input: body })) {
      silence.refresh();
      const taken = keeper.take(line);
      if (taken === 'gap' || taken === 'full') return 'again_whole';
      if (taken === 'refused') {
        log.error('the server sent routes that are not signed, older than those at hand, or of another store');
        return 'ended';
      }
      onTaken();
    }
    return 'ended';
  } finally {
    clearTimeout(silence);
    clearInterval(uses);
    body.destroy();
  }
}

async function sendUses(url: string, headers: Record<string, string>, tokens: string[]): Promise<void> {
  if (tokens.length === 0) return;
  const sent = { ...headers, 'content-type': 'application/json' };
  const { body } = await request(`${url}/gateways/token-uses`, {
    method: 'POST',
    headers: sent,
    body: JSON.stringify({ tokens }),
    headersTimeout: silenceMs,
  });
  await body.dump();
}
