import { performance } from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import type { InFlight } from '../core/routing/in-flight.ts';
import type { Api, Replica, Route } from '../core/routing/routes.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
import type { Form } from './translate-call.ts';
import type { Headers } from './headers.ts';
import { openAIError } from './openai-error.ts';
import { relayWhole } from './relay-whole.ts';
import { relay } from './relay.ts';
import type { Hold, RelayEnd } from './relay.ts';
import type { Replicas } from './replicas.ts';

export interface Call {
  route: Route;
  method: string;
  /** From the replica's root, query included. */
  path: string;
  headers: Headers;
  body: Buffer | PassThrough | null;
  /** May it run twice, if a replica died with it in hands? What never reached a replica is always tried again. */
  repeatable: boolean;
  /** What of it is another for a replica that speaks otherwise. Throws EcolinkError where it cannot be said there. */
  formFor?: (api: Api) => Form;
}

/** Failures that happen before anything was sent. */
const unreachedCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * No time limits: an engine may think for longer than undici's five minutes before its first byte. A machine that is
 * gone is found out all the same, by what the kernel asks it from the 15th silent second on. Undici's dispatch
 * took two thirds of the CPU time of node:http for the same proxied calls (106 against 154 µs, 303 against 476 for a
 * stream of 50 events; Node 24, 2 cores).
 */
function createAgent(more: Agent.Options): Agent {
  const connectNow = buildConnector({ timeout: 5_000, keepAliveInitialDelay: 15_000 });
  const connect: buildConnector.connector = (options, callback) =>
    connectNow(options, (...outcome) => {
      const [, socket] = outcome;
      // Undici's own errors tell it, those of the system do not.
      socket?.prependListener('error', (error) => Object.assign(error, { socket: { bytesRead: socket.bytesRead } }));
      callback(...outcome);
    });
  return new Agent({ headersTimeout: 0, bodyTimeout: 0, connect, ...more });
}

/** How calls get to replicas. */
export interface Connections extends AsyncDisposable {
  /** Those that are there already, if one is free. */
  kept: Dispatcher;
  /** One of the call's own. */
  fresh: Dispatcher;
}

export function createConnections(): Connections {
  const kept = createAgent({});
  const fresh = createAgent({ pipelining: 0 });
  return {
    kept,
    fresh,
    async [Symbol.asyncDispose]() {
      await Promise.all([kept.destroy(), fresh.destroy()]);
    },
  };
}

/** What sending calls takes. */
export interface Sending {
  connections: Connections;
  replicas: Replicas;
  inFlight: InFlight;
  log: Log;
}

/**
 * Sends the call to a replica, or to another where the first fails before it answers. Throws EcolinkError. What may not run
 * twice gets a connection of its own: one that was kept may turn out closed when the call is on its way already.
 */
export async function forward(sending: Sending, call: Call, response: ServerResponse): Promise<RelayEnd> {
  const { connections, replicas, log } = sending;
  const first = replicas.pick(call.route.replicas);
  if (first === undefined) throw noReplica(call.route);
  const begun = performance.now();
  let end = await attempt(sending, call.repeatable ? connections.kept : connections.fresh, first, call, response);
  if (end.kind === 'unanswered' && call.repeatable && wasStale(end.cause, performance.now() - begun))
    end = await attempt(sending, connections.fresh, first, call, response);
  if (end.kind !== 'unanswered') return end;
  replicas.doubt(first);
  log.warn({ replica: first.url, reason: end.cause.message }, 'a replica did not answer');
  const second = mayRepeat(call, end.cause) ? replicas.pick(call.route.replicas, first) : undefined;
  if (second === undefined) throw notAnswered(call.route, end.cause);
  const secondEnd = await attempt(sending, connections.fresh, second, call, response);
  if (secondEnd.kind !== 'unanswered') return secondEnd;
  replicas.doubt(second);
  log.warn({ replica: second.url, reason: secondEnd.cause.message }, 'the second replica did not answer either');
  throw notAnswered(call.route, secondEnd.cause);
}

/** A connection that is closed already says so within this time, in milliseconds. */
const staleMs = 1000;

/**
 * The connection had served before and ended under the call: servers close those that they kept, and some, as llama.cpp's
 * does after each stream, without a word of it.
 */
function wasStale(cause: Error & { socket?: { bytesRead?: number } }, ms: number): boolean {
  return ms < staleMs && (cause.socket?.bytesRead ?? 0) > 0;
}

async function attempt(
  { inFlight }: Sending,
  dispatcher: Dispatcher,
  replica: Replica,
  call: Call,
  response: ServerResponse,
): Promise<RelayEnd> {
  const { url, api } = replica;
  const form = api && call.formFor?.(api);
  const slash = url.indexOf('/', 'https://'.length);
  const origin = slash === -1 ? url : url.slice(0, slash);
  const prefix = slash === -1 ? '' : url.slice(slash).replace(/\/$/, '');
  const hold: Hold = (lose) => inFlight.begin({ ...replica, instance: call.route.instance }, lose);
  const path = prefix + (form?.path ?? call.path);
  const sent = { origin, path, method: call.method, headers: call.headers, body: form?.body ?? call.body };
  return form?.answer
    ? relayWhole(dispatcher, sent, response, hold, form.answer)
    : relay(dispatcher, sent, response, hold, () => brokenEvent(call.route));
}

function mayRepeat({ body, repeatable }: Call, cause: Error): boolean {
  // A stream that has been read from cannot be sent again from its start.
  if (body instanceof PassThrough && (body.readableDidRead || body.destroyed)) return false;
  return repeatable || isUnreached(cause);
}

function isUnreached(cause: Error): boolean {
  return unreachedCodes.has(String((cause as NodeJS.ErrnoException).code));
}

function noReplica({ modelId }: Route, cause?: Error): EcolinkError {
  return fail('no_healthy_replica', `No replica of ${modelId} is healthy now.`, {
    nextStep: 'Try again in a few seconds; get_instance says what it is waiting for.',
    cause,
  });
}

function notAnswered(route: Route, cause: Error): EcolinkError {
  return isUnreached(cause) ? noReplica(route, cause) : upstreamFailed(route, cause);
}

function upstreamFailed({ modelId, instance }: Route, cause?: Error): EcolinkError {
  return fail('upstream_failed', `The replica of ${modelId} broke off before it had answered.`, {
    nextStep: `Try again; if it keeps happening, read its log with get_instance_logs ${instance}.`,
    cause,
  });
}

function brokenEvent(route: Route): string {
  return `data: ${JSON.stringify(openAIError(upstreamFailed(route)).body)}\n\n`;
}
