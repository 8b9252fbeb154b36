import { performance } from 'node:perf_hooks';
import { PassThrough, Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { EcolinkError, fail } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
import { run, say } from '../core/base/prose.ts';
import type { Api, InFlight, Replica, Route } from '../core/core.ts';
import type { Headers } from './headers.ts';
import type { Dialect } from './engine-error.ts';
import { openAIError } from './openai-error.ts';
import { relayWhole } from './relay-whole.ts';
import { relay } from './relay.ts';
import { createModelRestorer } from './restore-model.ts';
import type { ModelRestorer } from './restore-model.ts';
import type { BeginCall, Redirect, Relayed, RelayEnd } from './relay.ts';
import { rewrittenLocation } from './redirects.ts';
import type { Redirects } from './redirects.ts';
import type { Replicas } from './replicas.ts';
import type { TranslatedCall } from './translate-call.ts';

export interface Call {
  route: Route;
  method: string;
  /** From the replica's root, query included. */
  path: string;
  headers: Headers;
  /** Blocks can be sent again, a stream cannot. They hold the name under which the replica serves the model. */
  body: ((servedName: string) => readonly Buffer[]) | PassThrough | null;
  /** The model id of the caller. An answer that names the model has it. Undefined: the answer stays as it is. */
  askedModel?: string;
  /** True: the call may run twice, if a replica died while it had the call. A call that reached no replica is always tried again. */
  repeatable: boolean;
  /** Translates the call for a replica with another API. Throws EcolinkError if that API cannot express it. */
  translate?: (replica: Replica & { api: Api }) => TranslatedCall;
  /** How the caller expects errors. Undefined: the engine's answer stays as it is. */
  dialect?: Dialect;
  redirects: Redirects;
}

/** System errors that happen before anything is sent. */
const unreachedCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * There are no time limits: an engine may need longer than undici's five minutes before its first byte. TCP keep-alive
 * still detects a dead machine: the kernel probes after 15 silent seconds. Undici's dispatch took two thirds of the CPU
 * time of node:http for the same proxied calls (106 µs against 154 µs; 303 µs against 476 µs for a stream of 50 events;
 * Node 24, 2 cores).
 */
function createAgent(more: Agent.Options): Agent {
  const connectNow = buildConnector({ timeout: 5_000, keepAliveInitialDelay: 15_000 });
  const connect: buildConnector.connector = (options, callback) =>
    connectNow(options, (...outcome) => {
      const [, socket] = outcome;
      // wasStale reads this. Undici's own errors have it, system errors do not.
      socket?.prependListener('error', (error) => Object.assign(error, { socket: { bytesRead: socket.bytesRead } }));
      callback(...outcome);
    });
  return new Agent({ headersTimeout: 0, bodyTimeout: 0, connect, ...more });
}

/** Connections to replicas. */
export interface Connections extends AsyncDisposable {
  /** Reuses an idle connection if there is one. */
  pooled: Dispatcher;
  /** Opens a new connection for each call. */
  fresh: Dispatcher;
}

export function createConnections(): Connections {
  const pooled = createAgent({});
  const fresh = createAgent({ pipelining: 0 });
  return {
    pooled,
    fresh,
    async [Symbol.asyncDispose]() {
      await Promise.all([pooled.destroy(), fresh.destroy()]);
    },
  };
}

export interface ForwardDeps {
  connections: Connections;
  replicas: Replicas;
  inFlight: InFlight;
  log: Log;
}

/**
 * Sends the call to a replica, or to another one if the first fails before it answers. Throws EcolinkError. A call that may
 * not run twice gets a new connection: a pooled one may turn out to be closed after the call was sent.
 */
export async function forward(deps: ForwardDeps, call: Call, response: ServerResponse): Promise<Relayed> {
  const end = await sendToReplicas(deps, call, response);
  if (end.kind === 'redirected') throw redirected(call.route);
  if (end.kind === 'too_large') throw tooLarge(call.route);
  return end;
}

async function sendToReplicas(deps: ForwardDeps, call: Call, response: ServerResponse): Promise<RelayEnd> {
  const { connections, replicas, log } = deps;
  const first = replicas.pick(call.route.replicas);
  if (first === undefined) throw noReplica(call.route);
  const begun = performance.now();
  let end = await attempt(deps, call.repeatable ? connections.pooled : connections.fresh, first, call, response);
  if (end.kind === 'unanswered' && call.repeatable && wasStale(end.cause, performance.now() - begun))
    end = await attempt(deps, connections.fresh, first, call, response);
  if (end.kind !== 'unanswered') return end;
  // The caller's body failed, not the replica.
  if (end.cause instanceof EcolinkError) throw end.cause;
  replicas.doubt(first);
  log.warn({ replica: first.url, reason: end.cause.message }, 'a replica did not answer');
  const second = mayRepeat(call, end.cause) ? replicas.pick(call.route.replicas, first) : undefined;
  if (second === undefined) throw notAnswered(call.route, end.cause);
  const secondEnd = await attempt(deps, connections.fresh, second, call, response);
  if (secondEnd.kind !== 'unanswered') return secondEnd;
  replicas.doubt(second);
  log.warn({ replica: second.url, reason: secondEnd.cause.message }, 'the second replica did not answer either');
  throw notAnswered(call.route, secondEnd.cause);
}

/** A closed connection fails within this time, in milliseconds. */
const staleMs = 1000;

/**
 * True if the connection served an earlier call and ended under this one. Servers close idle connections, and some close
 * them without notice: llama.cpp's server does so after each stream.
 */
function wasStale(cause: Error & { socket?: { bytesRead?: number } }, ms: number): boolean {
  return ms < staleMs && (cause.socket?.bytesRead ?? 0) > 0;
}

async function attempt(
  { inFlight }: ForwardDeps,
  dispatcher: Dispatcher,
  replica: Replica,
  call: Call,
  response: ServerResponse,
): Promise<RelayEnd> {
  const { url, api, servedName } = replica;
  const translated = api && call.translate?.({ ...replica, api });
  const slash = url.indexOf('/', 'https://'.length);
  const origin = slash === -1 ? url : url.slice(0, slash);
  const prefix = slash === -1 ? '' : url.slice(slash).replace(/\/$/, '');
  const begin: BeginCall = (lose) => inFlight.begin({ ...replica, instance: call.route.instance }, lose);
  const path = prefix + (translated?.path ?? call.path);
  const { body, headers } = toSend(call, translated, replica);
  const sent = { origin, path, method: call.method, headers, body };
  if (translated?.answer) return relayWhole(dispatcher, sent, response, begin, translated.answer);
  return relay(dispatcher, sent, response, {
    begin,
    brokenEvent: () => brokenEvent(call.route),
    redirect: (location) => redirectOf(call.redirects, location, url, path),
    restorer: restorerFor(call, servedName),
    dialect: call.dialect,
  });
}

function restorerFor({ askedModel }: Call, servedName: string): ModelRestorer | undefined {
  return askedModel === undefined || askedModel === servedName
    ? undefined
    : createModelRestorer(servedName, askedModel);
}

/** Every attempt sends the blocks as a stream of its own: joining them would need as much memory again. */
function toSend(call: Call, translated: TranslatedCall | undefined, { key, servedName }: Replica) {
  const given = key === undefined ? call.headers : { ...call.headers, authorization: `Bearer ${key}` };
  if (call.body === null || call.body instanceof PassThrough) return { body: call.body, headers: given };
  const body = translated?.body ?? call.body(servedName);
  const length = body.reduce((sum, block) => sum + block.length, 0);
  return {
    body: body.length === 1 && body[0] !== undefined ? body[0] : Readable.from(body, { objectMode: false }),
    headers: { ...given, 'content-length': String(length) },
  };
}

function redirectOf(redirects: Redirects, location: string, base: string, from: string): Redirect | undefined {
  if (redirects.kind === 'refused') return 'refused';
  const rewritten = rewrittenLocation(location, { base, from, path: redirects.path });
  return rewritten === undefined ? undefined : { location: rewritten };
}

function mayRepeat({ body, repeatable }: Call, cause: Error): boolean {
  // A stream cannot be sent again after its first bytes were read.
  if (body instanceof PassThrough && (body.readableDidRead || body.destroyed)) return false;
  return repeatable || isUnreached(cause);
}

function isUnreached(cause: Error): boolean {
  return 'code' in cause && typeof cause.code === 'string' && unreachedCodes.has(cause.code);
}

function noReplica({ modelId, instance }: Route, cause?: Error): EcolinkError {
  return fail('no_healthy_replica', `No replica of ${modelId} is healthy now.`, {
    nextStep: say`Try again in a few seconds. ${run('get_instance', { instance })} shows what the replicas wait for.`,
    cause,
  });
}

function notAnswered(route: Route, cause: Error): EcolinkError {
  return isUnreached(cause) ? noReplica(route, cause) : upstreamFailed(route, cause);
}

function upstreamFailed({ modelId, instance }: Route, cause?: Error): EcolinkError {
  return fail('upstream_failed', `The replica of ${modelId} failed before its answer was complete.`, {
    nextStep: say`Try again. If it happens again, read the log: ${run('get_instance_logs', { instance })}.`,
    cause,
  });
}

function redirected({ modelId, instance }: Route): EcolinkError {
  return fail(
    'upstream_redirected',
    `The replica of ${modelId} answered with a redirect, which EcoLink does not pass on.`,
    {
      nextStep: say`Check the engine and its base path: ${run('get_instance_logs', { instance })}.`,
    },
  );
}

function tooLarge({ modelId }: Route): EcolinkError {
  return fail('upstream_too_large', `The answer of the replica of ${modelId} is larger than 8 MiB.`, {
    nextStep: 'Send fewer documents in each call.',
  });
}

function brokenEvent(route: Route): string {
  return `data: ${JSON.stringify(openAIError(upstreamFailed(route)).body)}\n\n`;
}
