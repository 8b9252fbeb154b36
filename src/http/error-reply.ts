import { wantsParts } from './prose-header.ts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { EcolinkError, asEcolinkError, fail } from '../core/base/errors.ts';
import { redact } from '../core/base/secret-shapes.ts';
import type { Log } from '../core/base/log.ts';

/** Sends `{"error": …}`: what was thrown where it is ours, a calm sentence where it is not. Never a stack. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = isFastifyError(thrown) ? fromFastify(thrown) : asEcolinkError(thrown, request.id);
  if (error.kind === 'unexpected')
    log.error({ err: error.cause ?? error, request: request.id }, 'request failed unexpectedly');
  if (error.kind === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
  return reply
    .code(isFastifyError(thrown) ? (thrown.statusCode ?? 400) : error.httpStatus)
    .send({ error: wantsParts(request) ? error.toWire() : error.toBody() });
}

export function pathNotFound(request: FastifyRequest): EcolinkError {
  const path = redact(request.url.split('?')[0] ?? '').slice(0, 100);
  return fail('path_not_found', `There is nothing at ${request.method} ${path}.`, {
    nextStep: 'Operations are at POST /api/operations/<name>, models at /v1, MCP at /mcp.',
  });
}

function isFastifyError(thrown: unknown): thrown is FastifyError {
  return (
    !(thrown instanceof EcolinkError) &&
    String((thrown as { code?: unknown } | null)?.code).startsWith('FST_ERR_') &&
    ((thrown as FastifyError).statusCode ?? 500) < 500
  );
}

function fromFastify(thrown: FastifyError): EcolinkError {
  switch (thrown.statusCode) {
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
