import type { ServerResponse } from 'node:http';
import type { Caller } from '../core/base/caller.ts';
import { fail } from '../core/base/errors.ts';
import type { Routes } from '../core/core.ts';

/** GET /v1/models. */
export async function sendModels(routes: Routes, caller: Caller, response: ServerResponse): Promise<void> {
  const found = await routes.list(caller);
  sendJson(response, { object: 'list', data: found.map(asModel) });
}

/** GET /v1/models/<id>. */
export async function sendModel(
  routes: Routes,
  caller: Caller,
  encodedId: string,
  response: ServerResponse,
): Promise<void> {
  const id = decodedId(encodedId);
  const found = (await routes.list(caller)).find((model) => model.id === id);
  if (found) return sendJson(response, asModel(found));
  throw fail('instance_not_found', `There is no model "${id.slice(0, 100)}" that you can call now.`, {
    nextStep: 'GET /v1/models lists the models that you can call.',
  });
}

type Callable = Awaited<ReturnType<Routes['list']>>[number];

function asModel({ id, created, owner }: Callable): object {
  return { id, object: 'model', created, owned_by: owner };
}

function sendJson(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

function decodedId(encodedId: string): string {
  try {
    return decodeURIComponent(encodedId);
  } catch {
    return encodedId;
  }
}
