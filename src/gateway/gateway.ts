import { performance } from 'node:perf_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../core/base/caller.ts';
import type { Core } from '../core/core.ts';
import { asEcolinkError, fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import type { BodyLimits } from './body.ts';
import { modelCall, proxyCall } from './calls.ts';
import type { Admitted } from './calls.ts';
import { createConnections, forward } from './forward.ts';
import type { Call } from './forward.ts';
import type { HeldBody, HeldBytes } from './held-bytes.ts';
import { sendModel, sendModels } from './model-list.ts';
import { openAIError, sendOpenAIError } from './openai-error.ts';
import { createOpenCalls } from './open-calls.ts';
import type { Relayed } from './relay.ts';
import { createReplicas } from './replicas.ts';
import { requestIdOf } from './request-id.ts';

/** Counts the gateway's calls. */
export interface GatewayObserver {
  /** Called once for each call that is sent to a replica. The gateway calls the returned function once, at the call's end. */
  opened(): () => void;
  /** `instance` is undefined if none was found. */
  answered(instance: number | undefined, status: number): void;
}

export interface GatewayDeps {
  core: Pick<Core, 'routes' | 'inFlight' | 'log'>;
  /** Checks Host, Origin and token. Throws EcolinkError. */
  admit: (request: IncomingMessage) => Promise<Caller>;
  held: HeldBytes;
  limits: BodyLimits;
  observer: GatewayObserver;
}

/** `/v1/*` and `/instances/<id>/proxy/*`. Requests come straight from Node: the body is unread, nothing is sent yet. */
export interface Gateway {
  owns(url: string): boolean;
  /** Never rejects: the caller gets every failure as an answer. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Waits at most `graceMs` milliseconds for open calls, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** nginx's status for a caller that left before the answer. */
const callerLeft = 499;
const modelPath = '/v1/models/';
/** Paths whose JSON body names the model. */
const modelPaths: readonly string[] = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/rerank',
  '/v1/images/generations',
  '/v1/audio/speech',
];

export function createGateway(deps: GatewayDeps): Gateway {
  const connections = createConnections();
  const open = createOpenCalls();
  const { inFlight, log } = deps.core;
  const forwardDeps = { connections, inFlight, log, replicas: createReplicas(inFlight, () => performance.now()) };
  const send = (call: Call, response: ServerResponse): Promise<Relayed> => forward(forwardDeps, call, response);
  return {
    owns: (url) => url.startsWith('/v1/') || url.startsWith('/instances/'),
    async handle(request, response) {
      const exchange: Exchange = { request, response, id: requestIdOf(request), url: request.url ?? '' };
      const leave = open.enter();
      try {
        response.setHeader('x-request-id', exchange.id);
        if (open.closing()) throw shuttingDown();
        await serve(deps, exchange, send);
      } catch (thrown) {
        refuse(deps, exchange, thrown);
      } finally {
        leave();
      }
    },
    async close(graceMs) {
      await open.drain(graceMs);
      await connections[Symbol.asyncDispose]();
    },
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  id: string;
  url: string;
  /** Set once the route is found. Failures are counted for it. */
  instance?: number | undefined;
}

type Send = (call: Call, response: ServerResponse) => Promise<Relayed>;

async function serve(deps: GatewayDeps, exchange: Exchange, send: Send): Promise<void> {
  const { request, response } = exchange;
  const { routes } = deps.core;
  const path = pathOf(exchange.url);
  const caller = await deps.admit(request);
  requireCallScope(caller);
  if (request.method === 'GET' && path === '/v1/models') return sendModels(routes, caller, response);
  if (request.method === 'GET' && path.startsWith(modelPath)) {
    return sendModel(routes, caller, path.slice(modelPath.length), response);
  }
  using held = deps.held.open(caller.identity);
  const call = await toCall(deps, { request, caller, requestId: exchange.id }, exchange.url, held);
  exchange.instance = call.route.instance;
  const close = deps.observer.opened();
  const end = await send(call, response).finally(close);
  if (end.kind === 'broken') {
    deps.core.log.warn(
      { request: exchange.id, instance: exchange.instance, reason: end.cause.message },
      'a replica broke off',
    );
  }
  if (end.kind !== 'unanswered') deps.observer.answered(exchange.instance, end.status ?? callerLeft);
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function toCall(deps: GatewayDeps, admitted: Admitted, url: string, held: HeldBody): Promise<Call> {
  const { request } = admitted;
  const callDeps = { routes: deps.core.routes, limits: deps.limits };
  const path = pathOf(url);
  if (path.startsWith('/instances/')) return proxyCall(callDeps, admitted, url);
  if (request.method === 'POST' && modelPaths.includes(path)) return modelCall(callDeps, admitted, path, held);
  throw fail('path_not_found', `There is nothing at ${request.method} ${path.slice(0, 100)}.`, {
    nextStep: `EcoLink answers POST ${modelPaths.join(', ')} and GET /v1/models.`,
  });
}

function refuse({ core, observer }: GatewayDeps, { response, id, instance }: Exchange, thrown: unknown): void {
  if (response.destroyed) return observer.answered(instance, callerLeft);
  const error = asEcolinkError(thrown, id);
  if (error.kind === 'unexpected')
    core.log.error({ err: error.cause ?? error, request: id }, 'call failed unexpectedly');
  const answer = openAIError(error);
  observer.answered(instance, answer.status);
  if (response.headersSent) response.destroy();
  else sendOpenAIError(response, answer);
}

function requireCallScope(caller: Caller): void {
  if (caller.scopes.includes('call')) return;
  throw fail('scope_missing', `This token may not call models: its scopes are ${caller.scopes.join(', ')}.`, {
    nextStep: say`Use a token with the scope "call". To get one: ${task('create_call_token')}.`,
  });
}

function shuttingDown(): Error {
  return fail('shutting_down', 'The server is stopping.', { nextStep: 'Try again in a few seconds.' });
}
