import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { redact } from '../core/base/secret-shapes.ts';

/** The caller's `x-request-id`, so that both logs can be compared, or a new id. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) && redact(given) === given ? given : randomUUID();
}
