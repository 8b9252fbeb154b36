import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Caller } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import { say } from '../core/base/prose.ts';
import type { Route, Routes } from '../core/core.ts';
import { admitsCaller } from '../core/core.ts';
import { readModelCall } from './body.ts';
import type { BodyLimits } from './body.ts';
import type { Call } from './forward.ts';
import { modelCallHeaders, proxyCallHeaders } from './headers.ts';
import type { HeldBody } from './held-bytes.ts';
import { dialectOf } from './engine-error.ts';
import { refuseOtherRoute } from './served-routes.ts';
import { translateCall } from './translate-call.ts';
import { watchUpload } from './upload-progress.ts';

export interface CallDeps {
  routes: Routes;
  limits: BodyLimits;
}

/** A request whose caller is known. */
export interface Admitted {
  request: IncomingMessage;
  caller: Caller;
  requestId: string;
}

/** A call of the OpenAI API whose body names the model. */
export async function modelCall(
  { routes, limits }: CallDeps,
  { request, caller, requestId }: Admitted,
  path: string,
  held: HeldBody,
): Promise<Call> {
  const body = await readModelCall(request, held, limits);
  const route = await routes.find(body.model, caller);
  refuseOtherRoute(route, path);
  return {
    route,
    method: 'POST',
    path,
    headers: modelCallHeaders(request.headers, requestId),
    body: (servedName) => body.withModel(servedName),
    askedModel: body.model,
    repeatable: true,
    translate: (replica) => translateCall(path, body, replica),
    dialect: dialectOf(path),
    redirects: { kind: 'refused' },
  };
}

const proxyPath = /^\/instances\/([1-9][0-9]{0,8})\/proxy(\/.*)?$/;

/** `/instances/<id>/proxy/<path>`: method, path, headers and body pass unchanged. */
export async function proxyCall(
  { routes, limits }: CallDeps,
  { request, caller, requestId }: Admitted,
  url: string,
): Promise<Call> {
  const [path, query] = cutOnce(url, '?');
  const match = proxyPath.exec(path);
  if (!match) {
    throw fail('path_not_found', 'There is nothing at this path.', {
      nextStep: 'Call /instances/<instance id>/proxy/<path>.',
    });
  }
  const replicaPath = resolvedPath(match[2] ?? '/');
  const route = await routes.findById(Number(match[1]), caller);
  const method = request.method ?? 'GET';
  refuseEnginePath(route, caller, method, replicaPath);
  return {
    route,
    method,
    path: query === undefined ? replicaPath : `${replicaPath}?${query}`,
    headers: proxyCallHeaders(request.headers, requestId),
    body: bodyOf(request, limits.progressMs),
    redirects: { kind: 'rewritten', path: `/instances/${route.instance}/proxy` },
    repeatable: method === 'GET' || method === 'HEAD' || method === 'OPTIONS',
  };
}

/** An engine's own routes may change it for everybody. */
function refuseEnginePath({ replicas }: Route, { scopes }: Caller, method: string, path: string): void {
  const mayCall = replicas.every(({ api }) => admitsCaller(api?.caller_paths ?? [], method, path));
  if (scopes.includes('operate') || mayCall) return;
  throw fail('scope_missing', `${method} ${path.slice(0, 100)} of an engine is not for callers.`, {
    nextStep: say`Use a token with the scope "operate", or a path of the OpenAI API. An admin can add the path to caller_paths of the runtime.`,
  });
}

/**
 * The path with its dot segments resolved. Throws `bad_path` if an encoded slash hides one. A replica may have a base path
 * (a cluster's proxy), and a call must not leave it.
 */
function resolvedPath(path: string): string {
  const { pathname } = new URL(`http://replica${path}`);
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    throw badPath();
  }
  if (decoded.split(/[/\\]/).includes('..')) throw badPath();
  return pathname;
}

function badPath(): Error {
  return fail('bad_path', 'The path is not well formed.', {
    nextStep: 'Send a path without encoded ".." segments.',
  });
}

/**
 * Undici destroys the body of a failed call. The stream in between keeps the caller's connection open for the error.
 * A body of unknown length stays one.
 */
function bodyOf(request: IncomingMessage, progressMs: number): PassThrough | null {
  const length = request.headers['content-length'];
  if (request.headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return null;
  const body = new PassThrough();
  // The call reports the failure. Without a listener, 'error' would end the process.
  body.on('error', () => {});
  request.once('error', (error) => body.destroy(error));
  const progress = watchUpload(
    request,
    progressMs,
    (error) => body.destroy(error),
    () => body.writableNeedDrain,
  );
  body.once('close', () => progress[Symbol.dispose]());
  return request.on('data', ({ length: bytes }: Buffer) => progress.saw(bytes)).pipe(body);
}

function cutOnce(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}
