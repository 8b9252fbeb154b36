import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EcolinkError, asEcolinkError, fail } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
import { redact } from '../core/base/secret-shapes.ts';
import { wantsParts } from './prose-header.ts';

/** Sends `{"error": …}` with EcoLink's own errors. Other errors become one calm sentence, never a stack. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const refused = refusalOf(thrown);
  const error = refused?.error ?? asEcolinkError(thrown, request.id);
  if (error.kind === 'unexpected')
    log.error({ err: error.cause ?? error, request: request.id }, 'request failed unexpectedly');
  if (error.kind === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
  if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', error.retryAfterSeconds);
  return reply
    .code(refused?.status ?? error.httpStatus)
    .send({ error: wantsParts(request) ? error.toWire() : error.toBody() });
}

export function pathNotFound(request: FastifyRequest): EcolinkError {
  const path = redact(request.url.split('?')[0] ?? '').slice(0, 100);
  return fail('path_not_found', `There is nothing at ${request.method} ${path}.`, {
    nextStep: 'Operations are at POST /api/operations/<name>, models at /v1, MCP at /mcp.',
  });
}

/** An error of Fastify itself about a request that it cannot read. */
const fastifyError = z.object({ code: z.string().startsWith('FST_ERR_'), statusCode: z.int().min(400).max(499) });

function refusalOf(thrown: unknown): { status: number; error: EcolinkError } | undefined {
  if (thrown instanceof EcolinkError) return undefined;
  const { data } = fastifyError.safeParse(thrown);
  return data && { status: data.statusCode, error: refusalWith(data.statusCode) };
}

function refusalWith(status: number): EcolinkError {
  switch (status) {
    case 413:
      return fail('body_too_large', 'The request body is too large.', { nextStep: 'Send less than 1 MiB.' });
    case 415:
      return fail('not_json', 'The request body must be JSON.', {
        nextStep: 'Send it with "content-type: application/json".',
      });
    default:
      return fail('bad_request', 'The request cannot be read: its path or its JSON body is not well formed.', {
        nextStep: 'Check the path and the JSON, then send it again.',
      });
  }
}
