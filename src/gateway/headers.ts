import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

export type Headers = Record<string, string | string[]>;

/** They concern one connection, and are said anew on the next (RFC 9110, 7.6.1). */
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

/** What identifies the caller to EcoLink or tells where the call came from: none of the replica's business. */
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

/** A replica must not set cookies on EcoLink's origin, nor open it to other sites' pages. */
const notBack = ['set-cookie', 'alt-svc', 'strict-transport-security'];
const notBackPrefixes = ['proxy-', 'access-control-'];

const dropToReplica = new Set([...hopByHop, ...identifying]);
const dropToCaller = new Set([...hopByHop, ...notBack]);

/** For calls of models: engines look at nothing else, and compression would only hold a stream back. */
export function modelCallHeaders(incoming: IncomingHttpHeaders, requestId: string): Headers {
  const headers: Headers = { 'content-type': 'application/json', 'x-request-id': requestId };
  if (incoming.accept !== undefined) headers['accept'] = incoming.accept;
  for (const name of ['traceparent', 'tracestate']) {
    const value = incoming[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** For `/instances/<id>/proxy/*`: everything but what is private or of this connection. */
export function passedOnHeaders(incoming: IncomingHttpHeaders, requestId: string): Headers {
  return { ...(kept(incoming, dropToReplica, privatePrefixes) as Headers), 'x-request-id': requestId };
}

export function answerHeaders(upstream: IncomingHttpHeaders): OutgoingHttpHeaders {
  return kept(upstream, dropToCaller, notBackPrefixes);
}

function kept(
  headers: IncomingHttpHeaders,
  drop: ReadonlySet<string>,
  prefixes: readonly string[],
): OutgoingHttpHeaders {
  const named = namedByConnection(headers.connection);
  const result: OutgoingHttpHeaders = {};
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
