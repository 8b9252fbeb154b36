import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ApiError, asApiError, keyMissing, notFound, stillLoading } from './api-error.ts';
import { chatCompletions, completions, embeddings } from './endpoints.ts';
import type { Call, CallSummary } from './endpoints.ts';
import { readJson, sendError, sendJson } from './http-messages.ts';
import type { Engine } from './load-engine.ts';
import { logLine } from './log.ts';

export interface ServerState {
  servedName: string;
  /** Callers must know it. Undefined: everybody may call. */
  key: string | undefined;
  startedAt: Date;
  /** Undefined while the model is loading. */
  engine: Engine | undefined;
  /** Aborted when the process stops: ends the running answers. */
  stopping: AbortSignal;
}

const generating: Readonly<Record<string, (call: Call) => Promise<CallSummary>>> = {
  '/v1/chat/completions': chatCompletions,
  '/v1/completions': completions,
  '/v1/embeddings': embeddings,
};

export function createEngineServer(state: ServerState): Server {
  return createServer((request, response) => {
    void handle(state, request, response);
  });
}

async function handle(state: ServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now();
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('The caller disconnected.'));
  });
  const outcome = await route(state, request, response, path, gone.signal).catch((error: unknown) =>
    failed(response, error, gone.signal),
  );
  // Health checks come every second: too many for a log.
  if (path === '/health') return;
  const milliseconds = Math.round(performance.now() - startedAt);
  logLine('info', 'request', { method: request.method, path, status: response.statusCode, milliseconds, ...outcome });
}

async function route(
  state: ServerState,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  gone: AbortSignal,
): Promise<CallSummary> {
  // Whoever starts the engine must see whether it is well.
  if (path !== '/health') checkKey(state, request);
  if (request.method === 'GET') return answerGet(state, response, path);
  const run = generating[path];
  if (run === undefined || request.method !== 'POST') throw unknownPath(request.method, path);
  const { engine, stopping } = state;
  if (engine === undefined) throw stillLoading();
  const body = await readJson(request);
  const signal = AbortSignal.any([gone, stopping]);
  return run({ engine, body, response, signal, checkModel: (name) => checkModel(state, name, 'model') });
}

function answerGet(state: ServerState, response: ServerResponse, path: string): CallSummary {
  if (path === '/health') {
    const isLoaded = state.engine !== undefined;
    sendJson(response, isLoaded ? 200 : 503, { status: isLoaded ? 'ok' : 'loading' });
    return {};
  }
  if (state.engine === undefined) throw stillLoading();
  if (path === '/v1/models') {
    sendJson(response, 200, { object: 'list', data: [modelDocument(state)] });
    return {};
  }
  const name = /^\/v1\/models\/(?<name>.+)$/.exec(path)?.groups?.['name'];
  if (name === undefined) throw unknownPath('GET', path);
  checkModel(state, decoded(name));
  sendJson(response, 200, modelDocument(state));
  return {};
}

function checkKey({ key }: ServerState, request: IncomingMessage): void {
  if (key === undefined) return;
  const given = createHash('sha256').update(request.headers.authorization ?? '');
  // Hashes are equally long, as timingSafeEqual demands.
  const expected = createHash('sha256').update(`Bearer ${key}`);
  if (!timingSafeEqual(given.digest(), expected.digest())) throw keyMissing();
}

/** A badly encoded name is no model's name. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function modelDocument({ servedName, startedAt, engine }: ServerState): Record<string, unknown> {
  return {
    id: servedName,
    object: 'model',
    created: Math.floor(startedAt.getTime() / 1000),
    owned_by: 'ecolink',
    // The name that vLLM uses. Clients limit their prompts to it.
    max_model_len: engine?.generator?.contextLength ?? null,
  };
}

function checkModel({ servedName }: ServerState, name: string, param?: string): void {
  if (name === servedName) return;
  throw notFound('model_not_found', `This instance serves "${servedName}", not "${name}".`, param);
}

function unknownPath(method: string | undefined, path: string): ApiError {
  return notFound('unknown_url', `This engine has no ${method ?? ''} ${path}.`);
}

/** Sends the error if the caller is still connected and the answer has not begun. */
function failed(response: ServerResponse, thrown: unknown, gone: AbortSignal): CallSummary {
  if (gone.aborted) return { cancelled: true };
  const error = asApiError(thrown);
  if (!(thrown instanceof ApiError)) logLine('error', 'request_failed', { reason: String(thrown) });
  if (!response.headersSent) sendError(response, error);
  return { code: error.fields.code };
}
