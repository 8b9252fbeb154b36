import { Agent, fetch } from 'undici';
import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';
import { parseJson } from '../core/base/parse-json.ts';
import { say, task } from '../core/base/prose.ts';

/** A server, and who calls it. */
export interface Target {
  url: string;
  token: string;
  /** The place that the token came from, to be named if it is refused. */
  tokenFrom: string;
  /** Leads to a Unix socket of this account. Undefined: the address says where the server is. */
  socket?: Agent | undefined;
}

export interface Request {
  method?: string;
  headers?: Record<string, string>;
  body?: string | null;
}

export interface Answer {
  status: number;
  /** Undefined if the body is not JSON. */
  body: unknown;
}

export interface Limits {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Error codes of a connection that was never made, so nothing was sent. */
const unreachedCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The same for a socket: its file is missing, or its server has died. */
const unboundCodes = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'UND_ERR_CONNECT_TIMEOUT']);

/** Requests that go to a Unix socket, whatever host their URL names. */
export function socketAgent(path: string): Agent {
  return new Agent({ connect: { socketPath: path } });
}

/** One request and its answer. Throws `server_not_running`, `server_timeout`, `server_lost`, `cancelled`. */
export async function exchange(
  { url, socket }: Pick<Target, 'url' | 'socket'>,
  path: string,
  init: Request,
  { timeoutMs, signal }: Limits,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url + path, {
      ...init,
      redirect: 'error',
      dispatcher: socket,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return { status: response.status, body: parseJson(await response.text()) };
  } catch (thrown) {
    if (timeout.aborted && !signal?.aborted) throw tooSlow(url, thrown);
    throw connectionError(thrown, { url, socket }, signal);
  }
}

/** What an error of `fetch` means: `cancelled`, `server_not_running` if nothing was sent, else `server_lost`. */
export function connectionError(
  thrown: unknown,
  { url, socket }: Pick<Target, 'url' | 'socket'>,
  signal?: AbortSignal,
): EcolinkError {
  if (signal?.aborted) return cancelled(thrown);
  if ((socket ? unboundCodes : unreachedCodes).has(codeOf(thrown) ?? ''))
    return notRunning(`No EcoLink server answers at ${url}.`, thrown);
  return lost(url, thrown);
}

export function notRunning(message: string, cause?: unknown): EcolinkError {
  return fail('server_not_running', message, { nextStep: say`Start it: ${task('start_server')}.`, cause });
}

function cancelled(cause: unknown): EcolinkError {
  return fail('cancelled', 'The call was cancelled before the answer came.', {
    nextStep: 'Call again when you need the answer.',
    cause,
  });
}

function tooSlow(url: string, cause: unknown): EcolinkError {
  return fail('server_timeout', `The EcoLink server at ${url} did not answer in time.`, {
    nextStep: 'Check with a list or a get whether the operation took effect. Then try again.',
    cause,
  });
}

function lost(url: string, cause: unknown): EcolinkError {
  return fail('server_lost', `The connection to the EcoLink server at ${url} broke before it answered.`, {
    nextStep:
      'Check whether the server still runs, and with a list or a get whether the operation took effect. Then try again.',
    cause,
  });
}

const coded = z.object({ code: z.string() });
const fetchError = z.object({ cause: z.union([coded, z.object({ errors: z.array(coded).min(1) })]) });

/** The code behind an error of `fetch`. A host with several addresses has an error for each. */
function codeOf(thrown: unknown): string | undefined {
  const { data } = fetchError.safeParse(thrown);
  if (!data) return undefined;
  return 'code' in data.cause ? data.cause.code : data.cause.errors[0]?.code;
}
