import { PassThrough } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Agent } from 'undici';
import type { InFlight } from '../core/launch/in-flight.ts';
import type { Api, Replica, Route } from '../core/launch/routes.ts';
import { EcolinkError, unavailable } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Form } from './form-for.ts';
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
export function createDispatcher(): Agent {
  return new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 5_000, keepAliveInitialDelay: 15_000 } });
}

/** What sending calls takes. */
export interface Sending {
  agent: Agent;
  replicas: Replicas;
  inFlight: InFlight;
  log: Log;
}

/** Sends the call to a replica, or to another where the first fails before it answers. Throws EcolinkError. */
export async function forward(sending: Sending, call: Call, response: ServerResponse): Promise<RelayEnd> {
  const { replicas, log } = sending;
  const first = replicas.pick(call.route.replicas);
  if (first === undefined) throw noReplica(call.route);
  const end = await attempt(sending, first, call, response);
  if (end.kind !== 'unanswered') return end;
  log.warn({ replica: first.url, reason: end.cause.message }, 'a replica did not answer');
  const second = mayRepeat(call, end.cause) ? replicas.pick(call.route.replicas, first) : undefined;
  if (second === undefined) throw notAnswered(call.route, end.cause);
  const secondEnd = await attempt(sending, second, call, response);
  if (secondEnd.kind !== 'unanswered') return secondEnd;
  log.warn({ replica: second.url, reason: secondEnd.cause.message }, 'the second replica did not answer either');
  throw notAnswered(call.route, secondEnd.cause);
}

async function attempt(
  { agent, replicas, inFlight }: Sending,
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
  const end = form?.answer
    ? await relayWhole(agent, sent, response, hold, form.answer)
    : await relay(agent, sent, response, hold, () => brokenEvent(call.route));
  if (end.kind === 'unanswered') replicas.doubt(replica);
  return end;
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
  return unavailable('no_healthy_replica', `No replica of ${modelId} is healthy now.`, {
    nextStep: 'Try again in a few seconds; get_instance says what it is waiting for.',
    cause,
  });
}

function notAnswered(route: Route, cause: Error): EcolinkError {
  return isUnreached(cause) ? noReplica(route, cause) : upstreamFailed(route, cause);
}

function upstreamFailed({ modelId, instance }: Route, cause?: Error): EcolinkError {
  return unavailable('upstream_failed', `The replica of ${modelId} broke off before it had answered.`, {
    nextStep: `Try again; if it keeps happening, read its log with get_instance_logs ${instance}.`,
    cause,
  });
}

function brokenEvent(route: Route): string {
  return `data: ${JSON.stringify(openAIError(upstreamFailed(route)).body)}\n\n`;
}
