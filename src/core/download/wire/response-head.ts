import { Setback } from '../failure.ts';

/** The head of an HTTP/1.1 answer. */
export interface Head {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  /** Undefined where the body's end is told in another way. */
  contentLength: number | undefined;
  isChunked: boolean;
  keepAlive: boolean;
  /** Its own length, blank line included. */
  bytes: number;
}

const longestHead = 64 * 1024;

/** Reads the head at the beginning of what arrived; undefined while it is not all there. Throws a `Setback` for what is none. */
export function parseHead(received: Buffer, host: string): Head | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) {
    if (received.length > longestHead) throw new Setback('hub_protocol', `${host} sent an endless answer.`);
    return undefined;
  }
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new Setback('hub_protocol', `${host} sent something that is not HTTP.`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Setback('hub_protocol', `${host} sent a broken header.`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  const length = headers.get('content-length');
  const isChunked = headers.get('transfer-encoding')?.toLowerCase() === 'chunked';
  const isPlain = !headers.has('transfer-encoding') && length !== undefined && /^\d{1,16}$/.test(length);
  return {
    status: Number(status),
    headers,
    contentLength: isPlain ? Number(length) : undefined,
    isChunked,
    keepAlive:
      (isPlain || isChunked) && first.startsWith('HTTP/1.1') && headers.get('connection')?.toLowerCase() !== 'close',
    bytes: end + 4,
  };
}

/** The body of a chunked answer out of what arrived of it; undefined while it is not all there. */
export function parseChunks(received: Buffer, host: string): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = /^([0-9a-f]{1,8})(?:;|$)/i.exec(received.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) throw new Setback('hub_protocol', `${host} sent a broken chunk.`);
    const [start, end] = [lineEnd + 2, lineEnd + 2 + Number.parseInt(size, 16)];
    // The last chunk is empty; behind it may come trailers, and an empty line.
    if (start === end) return received.includes('\r\n\r\n', lineEnd) ? Buffer.concat(chunks) : undefined;
    if (received.length < end + 2) return undefined;
    chunks.push(received.subarray(start, end));
    at = end + 2;
  }
}
