import { TransientError } from '../failure.ts';
import { longestHead, parseHeaders } from './response-head.ts';

/** The size of a chunk, and its extensions, which are ignored. */
const sizeLine = /^([0-9a-f]{1,8})(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"[\t\x20!#-[\]-~]*"))?)*$/i;
const lineBreak = 0x0d0a;

/** The body of a chunked response, and its length on the wire. Undefined while it is incomplete. */
export function parseChunks(received: Buffer, host: string): { body: Buffer; bytes: number } | undefined {
  const chunks: Buffer[] = [];
  let sizes = 0;
  for (let at = 0; ;) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = sizeLine.exec(received.toString('latin1', at, lineEnd))?.[1];
    sizes += lineEnd - at;
    if (size === undefined || sizes > longestHead) throw broken(host);
    const [start, end] = [lineEnd + 2, lineEnd + 2 + Number.parseInt(size, 16)];
    if (start === end) {
      const bytes = endOfTrailers(received, start, host);
      return bytes === undefined ? undefined : { body: Buffer.concat(chunks), bytes };
    }
    if (received.length < end + 2) return undefined;
    if (received.readUInt16BE(end) !== lineBreak) throw broken(host);
    chunks.push(received.subarray(start, end));
    at = end + 2;
  }
}

/**
 * After the last chunk there are trailers, if any, and an empty line. Returns their end. Undefined while they are
 * incomplete.
 */
function endOfTrailers(received: Buffer, start: number, host: string): number | undefined {
  if (received.length < start + 2) return undefined;
  if (received.readUInt16BE(start) === lineBreak) return start + 2;
  const end = received.indexOf('\r\n\r\n', start);
  if ((end < 0 ? received.length : end) - start > longestHead) throw broken(host);
  if (end < 0) return undefined;
  const trailers = parseHeaders(received.toString('latin1', start, end).split('\r\n'), host);
  if (trailers.has('content-length') || trailers.has('transfer-encoding')) throw broken(host);
  return end + 4;
}

function broken(host: string): TransientError {
  return new TransientError('hub_protocol', `${host} sent a broken chunk.`);
}
