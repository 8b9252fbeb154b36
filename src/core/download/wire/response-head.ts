import { TransientError } from '../failure.ts';

/** The head of an HTTP/1.1 response. */
export interface Head {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  /** Undefined if the body is chunked or ends with the connection. */
  contentLength: number | undefined;
  isChunked: boolean;
  keepAlive: boolean;
  /** Length of the head, including the blank line. */
  bytes: number;
}

/** The limit of Node's own parser. */
export const longestHead = 16 * 1024;
/** Limits for informational responses before the final one. Servers send one or two. An endless row must fail. */
const mostInformational = 16;
const longestInformational = 64 * 1024;

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;
const notInText = /[^\t\x20-\x7e\x80-\xff]/;
/** Node's parser reads some of these differently if a tab is next to their values. */
const framingNames = new Set(['content-length', 'transfer-encoding']);
/** Headers that may occur once. If one is repeated, the first counts, as in Node's client. */
const single = new Set(['content-type', 'location', 'retry-after']);

/**
 * Parses the head at the beginning of the received bytes. Undefined while it is incomplete. Throws a `TransientError`
 * if its framing is ambiguous: a proxy and this client could then disagree on the end of the body.
 */
export function parseHead(received: Buffer, host: string): Head | undefined {
  const end = received.subarray(0, longestHead).indexOf('\r\n\r\n');
  if (end < 0) {
    if (received.length >= longestHead)
      throw new TransientError('hub_protocol', `${host} sent a response whose head is too long.`);
    return undefined;
  }
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const [, minor, status, reason = ''] = statusLine.exec(first) ?? [];
  if (status === undefined || notInText.test(reason)) {
    throw new TransientError('hub_protocol', `${host} sent something that is not HTTP.`);
  }
  const headers = parseHeaders(lines, host);
  return { status: Number(status), headers, ...framing(Number(status), minor === '1', headers, host), bytes: end + 4 };
}

/**
 * Throws a `TransientError` for a switch of protocols, for an informational response that ends the connection, and if
 * there are too many. `count` and `bytes` include this one.
 */
export function checkInformational(head: Head, count: number, bytes: number, host: string): void {
  if (head.status === 101)
    throw new TransientError('hub_protocol', `${host} switches to a protocol that was not requested.`);
  if (!head.keepAlive) throw new TransientError('hub_protocol', `${host} ends the connection before its response.`);
  if (count <= mostInformational && bytes <= longestInformational) return;
  throw new TransientError('hub_protocol', `${host} sent ${count} informational responses and no final one.`);
}

/** Names are in lower case, values are unchanged. Throws a `TransientError` for a line that is no header. */
export function parseHeaders(lines: readonly string[], host: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = withoutSpace(line, colon + 1);
    const isLoose = framingNames.has(name) && line.includes('\t');
    // A name with a space, a folded line, and a bare CR or LF all fail here.
    if (colon < 0 || isLoose || !headerName.test(name) || notInText.test(value)) {
      throw new TransientError('hub_protocol', `${host} sent a broken header.`);
    }
    const known = headers.get(name);
    if (known === undefined) headers.set(name, value);
    else if (!single.has(name)) headers.set(name, `${known}, ${value}`);
  }
  return headers;
}

/** Not `trim`, because that also removes a no-break space. Node's parser keeps it. */
function withoutSpace(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (start < end && isSpace(line.charCodeAt(start))) start += 1;
  while (start < end && isSpace(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function framing(
  status: number,
  isNew: boolean,
  headers: Map<string, string>,
  host: string,
): Pick<Head, 'contentLength' | 'isChunked' | 'keepAlive'> {
  const stated = headers.get('content-length');
  const coding = headers.get('transfer-encoding');
  // Repeated lengths were joined with a comma. They are refused even if they are equal.
  const isBroken = stated !== undefined && !(/^\d+$/.test(stated) && Number.isSafeInteger(Number(stated)));
  // Other codings were not requested, and HTTP/1.0 has none.
  const isForeign = coding !== undefined && !(coding.toLowerCase() === 'chunked' && isNew);
  if (isBroken || isForeign || (stated !== undefined && coding !== undefined)) {
    throw new TransientError('hub_protocol', `${host} does not say clearly where its response ends.`);
  }
  const hasNoBody = status < 200 || status === 204 || status === 304;
  const isChunked = coding !== undefined && !hasNoBody;
  const contentLength = hasNoBody ? 0 : stated === undefined ? undefined : Number(stated);
  const options = (headers.get('connection') ?? '').toLowerCase().split(',');
  const closes = options.some((option) => option.trim() === 'close');
  return { contentLength, isChunked, keepAlive: isNew && !closes && (isChunked || contentLength !== undefined) };
}
