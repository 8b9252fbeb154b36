/** How errors of a route look. */
export type Dialect = 'openai' | 'anthropic';

export function dialectOf(path: string): Dialect {
  return path.startsWith('/v1/messages') ? 'anthropic' : 'openai';
}

type Fields = Readonly<Record<string, unknown>>;

/** Characters of an unknown answer that reach the caller. */
const longestMessage = 2000;

/**
 * An error of an engine in the words of its route. vLLM answers unknown routes with `{detail}`, SGLang with `{message}` at the
 * top, TEI with `{error, error_type}`, llama.cpp with a number for `code`; a proxy before them sends a page.
 */
export function errorInDialect(dialect: Dialect, status: number, text: string): object {
  const { message, type, param, code } = readError(status, text);
  if (dialect === 'anthropic') return { type: 'error', error: { type: anthropicType(status), message } };
  return { error: { message, type, param, code } };
}

interface ReadError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

function readError(status: number, text: string): ReadError {
  const body = fieldsOf(parse(text)) ?? {};
  const inner = fieldsOf(body['error']) ?? body;
  const named = [inner['message'], body['error'], body['detail'], body['message']].find(isText);
  const detail = body['detail'] === undefined ? undefined : JSON.stringify(body['detail']);
  const fallback = Object.keys(body).length > 0 ? (detail ?? text) : `The engine answered with status ${status}.`;
  const type = [inner['type'], body['error_type']].find(isText);
  return {
    message: (named ?? fallback).slice(0, longestMessage),
    type: type ?? (status < 500 ? 'invalid_request_error' : 'server_error'),
    param: isText(inner['param']) ? inner['param'] : null,
    code: isText(inner['code']) ? inner['code'] : null,
  };
}

/** docs.anthropic.com/en/api/errors. */
function anthropicType(status: number): string {
  const types: Record<number, string> = {
    401: 'authentication_error',
    403: 'permission_error',
    404: 'not_found_error',
    413: 'request_too_large',
    429: 'rate_limit_error',
    529: 'overloaded_error',
  };
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
