import { say } from '../core/base/prose.ts';
import { proseHeader } from './prose-header.ts';
import { z } from 'zod';
import type { TokenSummary } from '../core/access/access.ts';
import type { AddedCredential, NewCredential } from '../core/access/credentials/credential-manager.ts';
import type { MadeToken, NewToken } from '../core/access/tokens/token-manager.ts';
import { EcolinkError, errorFromWire, fail, wireErrorSchema } from '../core/base/errors.ts';
import type { Rotated } from '../core/secrets/rotate.ts';
import { localTokenPath, readLocalToken, readServerFile } from './data-folder.ts';

export interface ConnectOptions {
  dataDir: string;
  /** Which front end calls; `mcp` makes the caller an agent. */
  source: 'cli' | 'mcp';
  /** ECOLINK_URL: a server elsewhere. It needs `token`: the local token never leaves its machine. */
  url?: string;
  /** ECOLINK_TOKEN. */
  token?: string;
}

export interface CallOptions {
  signal?: AbortSignal;
}

/** A running server, as the command line and `ecolink mcp` use it. Everything it throws is an EcolinkError. */
export interface Client {
  url: string;
  call(operation: string, input: object, options?: CallOptions): Promise<Record<string, unknown>>;
  tokens: {
    create(input: NewToken): Promise<MadeToken>;
    list(): Promise<TokenSummary[]>;
    revoke(idOrName: string): Promise<TokenSummary>;
  };
  credentials: CredentialCalls;
}

/** What the routes beside the operations do with credentials. */
export interface CredentialCalls {
  /** The value goes in the body and nowhere else. */
  add(input: NewCredential): Promise<AddedCredential>;
  rotateKey(): Promise<Rotated>;
}

interface Target {
  url: string;
  token: string;
  /** Where the token came from, for the words of a refusal. */
  tokenFrom: string;
  pid?: number;
}

type Send = (method: string, path: string, body?: object, options?: CallOptions) => Promise<unknown>;

const errorAnswer = z.object({ error: wireErrorSchema });

/** What the server adds to a call's wait: registering asks the Hub, which may take its time. */
const answerMs = 120_000;
const greetingMs = 5_000;
const unreachedCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Finds the server and asks whether it lives. Throws `server_not_running` where none answers. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const target = await findTarget(options);
  await greet(target);
  const send: Send = async (method, path, body, { signal } = {}) => {
    const headers = {
      authorization: `Bearer ${target.token}`,
      'ecolink-source': options.source,
      [proseHeader]: 'parts',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return outputOf(await exchange(target, path, init, answerMs + waitOf(body), signal), target);
  };
  return {
    url: target.url,
    call: async (operation, input, callOptions) =>
      (await send('POST', `/api/operations/${encodeURIComponent(operation)}`, input, callOptions)) as Record<
        string,
        unknown
      >,
    tokens: tokenCalls(send),
    credentials: {
      add: async (input) => (await send('POST', '/api/credentials', input)) as AddedCredential,
      rotateKey: async () => (await send('POST', '/api/keys/rotate', {})) as Rotated,
    },
  };
}

function tokenCalls(send: Send): Client['tokens'] {
  return {
    create: async (input) => (await send('POST', '/api/tokens', input)) as MadeToken,
    list: async () => ((await send('GET', '/api/tokens')) as { items: TokenSummary[] }).items,
    revoke: async (idOrName) => (await send('DELETE', `/api/tokens/${encodeURIComponent(idOrName)}`)) as TokenSummary,
  };
}

async function findTarget({ dataDir, url, token }: ConnectOptions): Promise<Target> {
  if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url))) {
    throw fail('bad_environment', `ECOLINK_URL is not a URL: ${JSON.stringify(url.slice(0, 100))}.`, {
      nextStep: 'Set it to something like http://127.0.0.1:7420, or unset it to use the server on this machine.',
    });
  }
  const file = await readServerFile(dataDir);
  const local = url === undefined || trimmed(url) === file?.url;
  if (!local && token === undefined) {
    throw fail('token_missing', `ECOLINK_URL names the server ${url}, but ECOLINK_TOKEN is not set.`, {
      nextStep: 'Make a token on that server with "ecolink token create <name>" and set ECOLINK_TOKEN to it.',
    });
  }
  if (local && !file) throw notRunning('No EcoLink server runs on this data folder.');
  const found = token ?? (await readLocalToken(dataDir));
  if (found === undefined) {
    throw fail('token_missing', `There is no token in ${localTokenPath(dataDir)}.`, {
      nextStep: 'Start the server again: it makes the file. Or set ECOLINK_TOKEN.',
    });
  }
  return {
    url: local && file ? file.url : trimmed(url as string),
    token: found,
    tokenFrom: token === undefined ? localTokenPath(dataDir) : 'ECOLINK_TOKEN',
    ...(local && file ? { pid: file.pid } : {}),
  };
}

/**
 * The token goes out only after this: a server that was killed leaves its file behind, and another program may listen
 * on its port by now.
 */
async function greet(target: Target): Promise<void> {
  const stranger = `What answers at ${target.url} is not the EcoLink server of this data folder.`;
  const { body } = await exchange(target, '/healthz', {}, greetingMs).catch((thrown: EcolinkError) => {
    throw thrown.code === 'server_lost' ? notRunning(stranger, thrown) : thrown;
  });
  const health = z.object({ service: z.literal('ecolink'), pid: z.int() }).safeParse(body);
  if (health.success && (target.pid === undefined || health.data.pid === target.pid)) return;
  throw notRunning(stranger);
}

interface Answer {
  status: number;
  /** Undefined where the body is not JSON. */
  body: unknown;
}

async function exchange(
  target: Target,
  path: string,
  init: RequestInit,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(target.url + path, {
      ...init,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return { status: response.status, body: parsed(await response.text()) };
  } catch (thrown) {
    if (signal?.aborted) throw cancelled(thrown);
    if (timeout.aborted) throw tooSlow(target, thrown);
    if (unreachedCodes.has(codeOf(thrown) ?? ''))
      throw notRunning(`No EcoLink server answers at ${target.url}.`, thrown);
    throw lost(target, thrown);
  }
}

function outputOf({ status, body }: Answer, target: Target): unknown {
  if (status >= 200 && status < 300 && body !== undefined) return body;
  const answer = errorAnswer.safeParse(body);
  if (!answer.success) {
    throw fail('bad_answer', `What answers at ${target.url} does not speak EcoLink (HTTP status ${status}).`, {
      nextStep: 'Check ECOLINK_URL, and what stands between you and the server.',
    });
  }
  const { error } = answer.data;
  if (status === 401)
    throw errorFromWire(
      { ...error, next_step: say`The token came from ${target.tokenFrom}. ${error.next_step}` },
      status,
    );
  // 413 and 415 have no kind of their own: what was sent must change.
  throw errorFromWire(error, status === 413 || status === 415 ? 400 : status);
}

function notRunning(message: string, cause?: unknown): EcolinkError {
  return fail('server_not_running', message, { nextStep: 'Start it with "ecolink serve".', cause });
}

function cancelled(cause: unknown): EcolinkError {
  return fail('cancelled', 'The call was cancelled before the answer came.', {
    nextStep: 'Call again when you need the answer.',
    cause,
  });
}

function tooSlow(target: Target, cause: unknown): EcolinkError {
  return fail('server_timeout', `The EcoLink server at ${target.url} did not answer in time.`, {
    nextStep: 'See whether the operation took effect (list or get), then try again.',
    cause,
  });
}

function lost(target: Target, cause: unknown): EcolinkError {
  return fail('server_lost', `The connection to the EcoLink server at ${target.url} broke before it answered.`, {
    nextStep: 'See whether the server still runs and whether the operation took effect (list or get), then try again.',
    cause,
  });
}

function codeOf(thrown: unknown): string | undefined {
  const cause = (thrown as Error).cause as (NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }) | undefined;
  return cause?.code ?? cause?.errors?.[0]?.code;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function waitOf(input: object | undefined): number {
  if (!input || !('wait_seconds' in input) || typeof input.wait_seconds !== 'number') return 0;
  return input.wait_seconds * 1000;
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
