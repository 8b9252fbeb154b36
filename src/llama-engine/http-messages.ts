import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, badRequest } from './api-error.ts';

/** Far more than any context. It keeps a wrong upload from filling the memory. */
const maxBodyBytes = 16 * 2 ** 20;

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  const body: AsyncIterable<Buffer> = request;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('invalid_json', 'The body is not valid JSON.');
  }
}

function tooLarge(): ApiError {
  return new ApiError(`The body is larger than ${maxBodyBytes / 2 ** 20} MiB.`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'request_too_large',
    // The rest of the body is not read, so the connection cannot be reused.
    headers: { connection: 'close' },
  });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(JSON.stringify(document));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers });
  response.end(body);
}

export function sendError(response: ServerResponse, error: ApiError): void {
  sendJson(response, error.status, error.toBody(), error.fields.headers);
}
