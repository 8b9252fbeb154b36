import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { JsonScanner } from '../core/base/json-scanner.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import type { HeldBody } from '../gateway/held-bytes.ts';
import { readBody } from '../gateway/read-body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Counts the bytes of the body until the answer is sent. Set for every path that needs a token. */
    held: HeldBody;
  }
}

/** For /api and /mcp. Their largest inputs are lists of names. */
const limitBytes = 1024 ** 2;

/**
 * Reads a JSON body within the limits, and checks it before it is parsed: deep nesting costs a parser memory and time. Throws
 * EcolinkError.
 */
export async function readJson({ raw, held }: FastifyRequest, progressMs: number): Promise<string> {
  const scanner = new JsonScanner({ root: 'any' });
  const blocks = await readBody(raw, { limitBytes, held, progressMs, onPiece: (piece) => scanner.push(piece) });
  scanner.end();
  return Buffer.concat(blocks).toString('utf8');
}

/** JSON bodies for /api. `__proto__` and the like are refused, as Fastify itself does. */
export function parseJsonBodies(app: FastifyInstance, progressMs: number): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', async (request: FastifyRequest) => {
    const text = await readJson(request, progressMs).catch((thrown: unknown) => {
      throw inWordsOfApi(thrown);
    });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    void parse(request, text, (error, body) => (error ? reject(error) : resolve(body)));
    return promise;
  });
}

/** Clients of /api know this code for JSON that cannot be read. */
function inWordsOfApi(thrown: unknown): Error {
  if (!(thrown instanceof EcolinkError)) return new Error('The body of a request cannot be read.', { cause: thrown });
  if (thrown.code !== 'bad_json') return thrown;
  return fail('bad_request', thrown.said, { nextStep: thrown.nextStep, cause: thrown });
}

/**
 * Throws unless a call that may change something has a JSON object as its body. A form or a link on a web page cannot send
 * one, and neither can a client that follows a redirect without a body.
 */
export function requireJsonObject({ method, url, headers, body, params }: FastifyRequest): void {
  if (readingMethods.has(method) || !url.startsWith('/api/')) return;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return;
  if (headers['content-type'] !== undefined)
    throw fail('bad_input', 'The body is not a JSON object.', { nextStep: 'Send {} or the fields of the call.' });
  if (isQuery(url, params)) return;
  throw fail('not_json', 'This call needs a JSON object as its body.', {
    nextStep: 'Send {} or the fields of the call, with "content-type: application/json".',
  });
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const operationParams = z.object({ name: z.string() });

function isQuery(url: string, params: unknown): boolean {
  const { data } = operationParams.safeParse(params);
  return url.startsWith('/api/operations/') && data !== undefined && findOperation(data.name)?.effect === 'read';
}
