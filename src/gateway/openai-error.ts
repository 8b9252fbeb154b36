import type { ServerResponse } from 'node:http';
import type { EcolinkError } from '../core/base/errors.ts';
import { plainWords } from '../core/base/prose.ts';
import { redact } from '../core/base/secret-shapes.ts';

/** An error as OpenAI's API sends it. Its SDKs turn the status into typed exceptions and show the message. */
export interface OpenAIError {
  status: number;
  body: { error: { message: string; type: string; param: string | null; code: string } };
  /** Seconds. */
  retryAfter?: number | undefined;
}

/** EcoLink's codes for which OpenAI's API has another one. */
const codes: Record<string, { code: string; param?: string }> = {
  instance_not_found: { code: 'model_not_found', param: 'model' },
  instance_stopped: { code: 'model_not_found', param: 'model' },
  token_missing: { code: 'invalid_api_key' },
  invalid_token: { code: 'invalid_api_key' },
  body_too_large: { code: 'body_too_large' },
};

export function openAIError(error: EcolinkError): OpenAIError {
  const status = error.httpStatus;
  const named = codes[error.code];
  return {
    status,
    body: {
      error: {
        // The message may quote a token that the caller put into the wrong field.
        message: redact(`${error.message} ${plainWords(error.nextStep)}`),
        type: typeOf(status),
        param: named?.param ?? error.field ?? null,
        code: named?.code ?? error.code,
      },
    },
    retryAfter: error.retryAfterSeconds ?? (status === 503 ? 5 : undefined),
  };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
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
