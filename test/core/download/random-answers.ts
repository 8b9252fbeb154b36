import { oddities, type Draft } from './answer-oddities.ts';
import { Random } from './random.ts';

/** A response that a server sends in pieces before it ends the connection. */
export interface RandomAnswer {
  pieces: Buffer[];
  /** Names of the oddities in it. */
  odd: string[];
}

/** Each oddity is tested alone once, before the random ones. */
export const oddityNames: readonly string[] = [...oddities.keys()];

export function randomAnswer(random: Random, first?: string): RandomAnswer {
  // A long body counts as an oddity, so it may not come along with another one.
  const draft = plainDraft(random, first === undefined ? 0.02 : 0);
  const wanted = first === undefined ? random.pick([0, 1, 1, 2]) : 1;
  const odd = Array.from({ length: wanted }, () => first ?? random.pick(oddityNames));
  for (const name of odd) oddities.get(name)?.(draft, random);
  if (draft.body.length > 64 * 1024 && !odd.includes('a long body')) odd.push('a long body');
  let bytes = write(draft, random);
  if (odd.includes('a byte that was changed')) bytes = changed(bytes, random);
  if (draft.cutAt !== undefined) bytes = bytes.subarray(0, Math.floor(draft.cutAt * bytes.length));
  return { pieces: split(bytes, random), odd };
}

function plainDraft(random: Random, longBodies: number): Draft {
  const informational = Array.from({ length: random.pick([0, 0, 0, 1, 1, 2, 4]) }, () =>
    random.pick([
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 102 Processing\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Type: early/hint\r\n\r\n',
      'HTTP/1.1 199\r\nX-Odd: early\r\n\r\n',
    ]),
  );
  return {
    before: informational.join(''),
    version: 'HTTP/1.1 ',
    status: random.pick(['200', '200', '206', '302', '401', '403', '404', '429', '500', '503']),
    reason: random.pick([' OK', ' Not so', ' See Other']),
    headers: plainHeaders(random),
    lineEnd: '\r\n',
    body: random.bytes(random.chance(longBodies) ? random.whole(70_000, 200_000) : random.pick([0, 1, 7, 30, 300])),
    framing: random.pick(['length', 'length', 'chunks', 'close']),
    framingLines: undefined,
    extension: '',
    size: (bytes) => bytes.toString(16),
    chunkEnd: '\r\n',
    lastChunk: '0',
    trailers: '',
    surplus: '',
    cutAt: undefined,
  };
}

const knownHeaders = [
  'Content-Type: application/octet-stream',
  'content-type: text/html; charset=utf-8',
  'Content-Range: bytes 0-6/1000',
  'LOCATION: https://cdn.example/a?Signature=b',
  'Retry-After: 7',
  'RateLimit: "resolvers";r=0;t=55',
  'X-Error-Code: GatedRepo',
  'X-Error-Message: Access is restricted.',
  'X-Linked-Size: 1000',
  'Set-Cookie: a=b',
];

function plainHeaders(random: Random): string[] {
  return knownHeaders.filter(() => random.chance(0.3));
}

function write(draft: Draft, random: Random): Buffer {
  const lines = [...draft.headers];
  const framing = draft.framingLines ?? plainFraming(draft);
  lines.splice(random.whole(0, lines.length), 0, ...framing);
  const first = `${draft.version}${draft.status}${draft.reason}`;
  const head = [first, ...lines, '', ''].join(draft.lineEnd);
  const body = draft.framing === 'chunks' ? chunks(draft, random) : draft.body;
  return Buffer.from(`${draft.before}${head}${body}${draft.surplus}`, 'latin1');
}

function plainFraming({ framing, body }: Draft): string[] {
  if (framing === 'length') return [`Content-Length: ${body.length}`];
  return framing === 'chunks' ? ['Transfer-Encoding: chunked'] : [];
}

function chunks(draft: Draft, random: Random): string {
  let text = '';
  for (let at = 0; at < draft.body.length;) {
    const chunk = draft.body.slice(at, at + random.pick([1, 5, 100, 50_000]));
    text += `${draft.size(chunk.length)}${draft.extension}\r\n${chunk}${draft.chunkEnd}`;
    at += chunk.length;
  }
  return draft.lastChunk === '' ? text : `${text}${draft.lastChunk}\r\n${draft.trailers}\r\n`;
}

function changed(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.whole(0, Math.min(copy.length, 300) - 1);
  copy[at] = random.pick([0, 9, 10, 13, 32, 44, 48, 58, 59, 127, 160, 255, random.whole(0, 255)]);
  return copy;
}

/** Often one piece, sometimes a few, and sometimes single bytes at the beginning. */
function split(bytes: Buffer, random: Random): Buffer[] {
  const many = random.pick([0, 1, 2, 5, 40]);
  const within = many === 40 ? Math.min(bytes.length, 400) : bytes.length;
  const cuts = Array.from({ length: many }, () => random.whole(0, within)).toSorted((a, b) => a - b);
  const ends = [...cuts, bytes.length];
  return ends.map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end)).filter((piece) => piece.length > 0);
}
