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

/** A replica must not set cookies on EcoLink's origin, or open it to pages of other sites. */
const notToCaller = ['set-cookie', 'alt-svc', 'strict-transport-security'];
const notToCallerPrefixes = ['proxy-', 'access-control-'];

const dropToReplica = new Set([...hopByHop, ...identifying]);
const dropToCaller = new Set([...hopByHop, ...notToCaller]);

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

export function answerHeaders(upstream: IncomingHttpHeaders): Headers {
  return filtered(upstream, dropToCaller, notToCallerPrefixes);
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
