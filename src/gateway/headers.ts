import type { IncomingHttpHeaders } from 'node:http';

export type Headers = Record<string, string | string[]>;

/** These concern one connection only (RFC 9110, 7.6.1). */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];

/** These identify the caller or say where the call came from. A replica must not see them. */
const identifying = [
  'authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'host',
  'origin',
  'referer',
  'forwarded',
  'via',
  'x-real-ip',
  'ecolink-source',
];
const privatePrefixes = ['proxy-', 'x-forwarded-'];

/**
 * What an engine may say to a caller: about its answer, and nothing about EcoLink's origin, connection or callers. A list of
 * what is allowed, because browsers and proxies learn new headers (clear-site-data, nel, x-accel-redirect).
 */
const allowedToCaller = new Set([
  'accept-ranges',
  'age',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'retry-after',
  'vary',
]);
const allowedToCallerPrefixes = ['x-', 'openai-', 'ratelimit'];

/** Proxies before EcoLink act on some of these, browsers on others. The rest are EcoLink's own. */
const notToCallerPrefixes = [
  'x-accel-',
  'x-sendfile',
  'x-litespeed-',
  'x-lighttpd-',
  'x-reproxy',
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-real-ip',
  'x-http-method',
  'x-request-id',
  'x-ecolink-',
  'x-content-type-options',
  'x-content-security-policy',
  'x-webkit-csp',
  'x-frame-options',
  'x-xss-protection',
  'x-dns-prefetch-control',
  'x-permitted-cross-domain-policies',
  'x-ua-compatible',
];

/** A page of an engine is on EcoLink's origin. In a browser it may run no script, load nothing, and be in no frame. */
const forBrowsers: Headers = {
  'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

const dropToReplica = new Set([...hopByHop, ...identifying]);

/** For calls of models. Engines read no other header, and compression would only delay a stream. */
export function modelCallHeaders(incoming: IncomingHttpHeaders, requestId: string): Headers {
  const headers: Headers = { 'content-type': 'application/json', 'x-request-id': requestId };
  if (incoming.accept !== undefined) headers['accept'] = incoming.accept;
  for (const name of ['traceparent', 'tracestate']) {
    const value = incoming[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** For `/instances/<id>/proxy/*`: all but the headers that identify the caller or concern one connection. */
export function proxyCallHeaders(incoming: IncomingHttpHeaders, requestId: string): Headers {
  return { ...filtered(incoming, dropToReplica, privatePrefixes), 'x-request-id': requestId };
}

/** The headers of an answer for the caller. */
export function answerHeaders(upstream: IncomingHttpHeaders): Headers {
  const named = namedByConnection(upstream.connection);
  const result: Headers = { ...forBrowsers };
  for (const name in upstream) {
    const value = upstream[name];
    if (value !== undefined && mayReachCaller(name) && !named.includes(name) && isSendable(value)) result[name] = value;
  }
  return result;
}

function mayReachCaller(name: string): boolean {
  if (allowedToCaller.has(name)) return true;
  const allowed = allowedToCallerPrefixes.some((prefix) => name.startsWith(prefix));
  return allowed && !notToCallerPrefixes.some((prefix) => name.startsWith(prefix));
}

/** False for what Node refuses to send. It would break off an answer that has begun. */
function isSendable(value: string | string[]): boolean {
  return typeof value === 'string' ? /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value) : value.every(isSendable);
}

function filtered(headers: IncomingHttpHeaders, drop: ReadonlySet<string>, prefixes: readonly string[]): Headers {
  const named = namedByConnection(headers.connection);
  const result: Headers = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || drop.has(name) || named.includes(name)) continue;
    if (prefixes.some((prefix) => name.startsWith(prefix))) continue;
    result[name] = value;
  }
  return result;
}

function namedByConnection(connection: string | undefined): string[] {
  return connection === undefined ? [] : connection.split(',').map((name) => name.trim().toLowerCase());
}
