import type { IncomingMessage, ServerResponse } from 'node:http';
import { fail } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';

/** In milliseconds. */
export interface Timeouts {
  /** From the connection, or from the last answer, to the end of the headers. */
  headers: number;
  /** From the headers to the end of a body that is not for the gateway. */
  body: number;
  /** A body for the gateway may take any time, but it may not fall silent for longer than this. */
  progress: number;
  /** How long the rest of a body is taken after the answer. */
  linger: number;
}

export const defaultTimeouts: Timeouts = { headers: 20_000, body: 60_000, progress: 30_000, linger: 5_000 };

/**
 * Ends requests whose bodies do not end. Node has one limit for all requests, and the gateway's uploads need another than the
 * rest. `total`: the limit for the whole body, if it has one.
 */
export function limitBodyTime(
  request: IncomingMessage,
  response: ServerResponse,
  total: number | undefined,
  linger: number,
): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return;
  const late = total === undefined ? undefined : setTimeout(() => refuse(request, response), total).unref();
  request.once('close', () => clearTimeout(late));
  request.once('end', () => clearTimeout(late));
  response.once('finish', () => {
    if (request.complete) return;
    const rest = setTimeout(() => request.complete || request.destroy(), linger).unref();
    request.once('close', () => clearTimeout(rest));
  });
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) return;
  if (response.headersSent) return void request.destroy();
  const text = JSON.stringify({ error: tooSlow().toBody() });
  response.writeHead(408, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  // The connection lingers: closed at once, the sender may never read the answer.
  response.end(text);
}

export function tooSlow(): EcolinkError {
  return fail('request_too_slow', 'The request did not arrive whole in time.', {
    nextStep: 'Send it again without pauses.',
  });
}
