import type { ServerResponse } from 'node:http';
import { EcolinkError } from '../core/errors.ts';
import { redact } from '../core/log.ts';

/** An error in the words of OpenAI's API: its SDKs turn the status into typed exceptions and show the message. */
export interface OpenAIError {
  status: number;
  body: { error: { message: string; type: string; param: string | null; code: string } };
  retryAfter?: number;
}

/** Codes of ours that OpenAI's clients know by another name. */
const codes: Record<string, { code: string; param?: string }> = {
  instance_not_found: { code: 'model_not_found', param: 'model' },
  instance_stopped: { code: 'model_not_found', param: 'model' },
  token_missing: { code: 'invalid_api_key' },
  invalid_token: { code: 'invalid_api_key' },
  body_too_large: { code: 'body_too_large' },
};

/** Statuses that an EcolinkError's kind cannot tell apart. */
const statuses: Record<string, number> = { body_too_large: 413, upstream_failed: 502, not_json: 415 };

export function openAIError(error: EcolinkError): OpenAIError {
  const status = statuses[error.code] ?? error.httpStatus;
  const named = codes[error.code];
  return {
    status,
    body: {
      error: {
        // It may quote a name that somebody sent, who meant to send a token elsewhere.
        message: redact(`${error.message} ${error.nextStep}`),
        type: typeOf(status),
        param: named?.param ?? error.field ?? null,
        code: named?.code ?? error.code,
      },
    },
    ...(status === 503 ? { retryAfter: 5 } : {}),
  };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

export function sendOpenAIError(response: ServerResponse, { status, body, retryAfter }: OpenAIError): void {
  const text = JSON.stringify(body);
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(text));
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  response.writeHead(status).end(text);
}
