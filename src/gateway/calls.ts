import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Caller } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import type { Routes } from '../core/routing/routes.ts';
import { readModelCall } from './body.ts';
import { formFor } from './translate-call.ts';
import type { Call } from './forward.ts';
import { modelCallHeaders, passedOnHeaders } from './headers.ts';

/** A call of the OpenAI API whose body names the model. */
export async function modelCall(
  routes: Routes,
  request: IncomingMessage,
  path: string,
  caller: Caller,
  id: string,
): Promise<Call> {
  const body = await readModelCall(request);
  const route = await routes.find(body.model, caller);
  return {
    route,
    method: 'POST',
    path,
    headers: modelCallHeaders(request.headers, id),
    body: body.as(route.servedName),
    repeatable: true,
    formFor: (api) => formFor(path, body, api),
  };
}

const proxyPath = /^\/instances\/([1-9][0-9]{0,8})\/proxy(\/.*)?$/;

/** `/instances/<id>/proxy/<path>`: whatever came, as it came. */
export async function proxyCall(
  routes: Routes,
  request: IncomingMessage,
  url: string,
  caller: Caller,
  id: string,
): Promise<Call> {
  const [path, query] = cutOnce(url, '?');
  const match = proxyPath.exec(path);
  if (!match) {
    throw fail('path_not_found', 'There is nothing at this path.', {
      nextStep: 'Call /instances/<instance id>/proxy/<path>.',
    });
  }
  const inside = insidePath(match[2] ?? '/');
  const route = await routes.findById(Number(match[1]), caller);
  const method = request.method ?? 'GET';
  return {
    route,
    method,
    path: query === undefined ? inside : `${inside}?${query}`,
    headers: passedOnHeaders(request.headers, id),
    body: bodyOf(request),
    repeatable: method === 'GET' || method === 'HEAD' || method === 'OPTIONS',
  };
}

/**
 * The path with its dot segments resolved. Throws where one hides behind an encoded slash: a replica may live under a
 * path of its own (a cluster's proxy), and nothing may climb out of that.
 */
function insidePath(path: string): string {
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
 * Undefined lengths stay so. The stream between is for undici's sake: it destroys the body of a call that failed, and
 * with the request itself the caller's connection would go before the error is told.
 */
function bodyOf(request: IncomingMessage): PassThrough | null {
  const length = request.headers['content-length'];
  if (request.headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return null;
  const body = new PassThrough();
  // The failure itself is told by the call; an unheard 'error' would end the process.
  body.on('error', () => {});
  request.once('error', (error) => body.destroy(error));
  return request.pipe(body);
}

function cutOnce(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at);
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}
