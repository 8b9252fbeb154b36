import type { Random } from './random.ts';

/** The parts of an HTTP response. Texts are latin1: one character per byte. */
export interface Draft {
  /** Everything before the final response, such as informational responses. */
  before: string;
  version: string;
  status: string;
  /** Including the space before it. */
  reason: string;
  headers: string[];
  lineEnd: string;
  body: string;
  framing: 'length' | 'chunks' | 'close';
  /** Replaces the header lines for the framing. */
  framingLines: string[] | undefined;
  /** Comes after the size of each chunk. */
  extension: string;
  /** Formats the size of a chunk. */
  size: (bytes: number) => string;
  chunkEnd: string;
  lastChunk: string;
  /** Lines after the last chunk, each with its line end. */
  trailers: string;
  /** Bytes after the end of the response. */
  surplus: string;
  /** Only this share of the response is sent, from 0 to 1. */
  cutAt: number | undefined;
}

type Change = (draft: Draft, random: Random) => void;

/** Changes that readers may read differently or wrongly. Tests allow differences by these names. */
export const oddities = new Map<string, Change>();

function add(table: Record<string, Change>): void {
  for (const [name, change] of Object.entries(table)) oddities.set(name, change);
}

function each(names: Record<string, string>, change: (draft: Draft, text: string, random: Random) => void): void {
  for (const [name, text] of Object.entries(names)) oddities.set(name, (draft, random) => change(draft, text, random));
}

/** Sets the framing, and a body if there is none. */
function frame(draft: Draft, framing: Draft['framing']): void {
  draft.framing = framing;
  if (draft.body === '') draft.body = 'weights';
}

/** Inserts lines at a random position of the headers. */
function insert(draft: Draft, random: Random, ...lines: string[]): void {
  draft.headers.splice(random.whole(0, draft.headers.length), 0, ...lines);
}

each(
  {
    'version 1.0': 'HTTP/1.0 ',
    'version 0.9': 'HTTP/0.9 ',
    'version 1.2': 'HTTP/1.2 ',
    'version 2.0': 'HTTP/2.0 ',
    'version without a minor': 'HTTP/1 ',
    'version in lower case': 'http/1.1 ',
    'version of another protocol': 'RTSP/1.0 ',
    'version of Icecast': 'ICE/1.0 ',
    'version of old Icecast': 'ICY ',
    'two spaces before the status': 'HTTP/1.1  ',
    'a tab before the status': 'HTTP/1.1\t',
    'a space before the version': ' HTTP/1.1 ',
    'an empty line first': '\r\nHTTP/1.1 ',
    'a bare LF first': '\nHTTP/1.1 ',
    'a byte order mark first': '\xef\xbb\xbfHTTP/1.1 ',
  },
  (draft, version) => {
    draft.version = version;
    if (draft.framing === 'chunks') draft.framing = 'close';
  },
);
each(
  {
    'status of two digits': '20',
    'status of four digits': '2000',
    'status below 100': '099',
    'status above 599': '700',
    'status with a sign': '+200',
    'status with a letter': '2O0',
    'no status': '',
  },
  (draft, status) => (draft.status = status),
);
each(
  {
    'no reason': '',
    'no reason but a space': ' ',
    'a NUL in the reason': ' O\0K',
    'a control character in the reason': ' O\x01K',
    'a tab in the reason': '\tO\tK',
    'latin1 in the reason': ' \xd6\xe4',
    'a CR in the reason': ' O\rK',
    'an LF in the reason': ' O\nX-Forged: 1',
    'a long reason': ` ${'reason '.repeat(100)}`,
  },
  (draft, reason) => (draft.reason = reason),
);
each(
  {
    'a space before the colon': 'X-Odd : 1',
    'a tab before the colon': 'X-Odd\t: 1',
    'a space in a name': 'X Odd: 1',
    'a line without a colon': 'X-Odd',
    'an empty name': ': 1',
    'an empty value': 'X-Odd:',
    'no space behind the colon': 'X-Odd:1',
    'much space around a value': 'X-Odd: \t  a  b \t ',
    'a folded line': 'X-Odd: a\r\n b',
    'a line folded with a tab': 'X-Odd: a\r\n\tb',
    'a folded line that looks like a length': 'X-Odd: a\r\n Content-Length: 3',
    'a NUL in a value': 'X-Odd: a\0b',
    'a NUL in a name': 'X-O\0dd: a',
    'a control character in a value': 'X-Odd: a\x02b',
    'a DEL in a value': 'X-Odd: a\x7fb',
    'a vertical tab around a value': 'X-Odd: \x0ba\x0b',
    'latin1 in a value': 'X-Odd: gr\xf6\xdfe',
    'a no-break space around a value': 'X-Odd: \xa0a\xa0',
    'latin1 in a name': 'X-\xd6dd: 1',
    'a bracket in a name': 'X-(Odd): 1',
    'odd and legal characters in a name': "!#$%&'*+-.^_`|~9: 1",
    'a bare LF in a value': 'X-Odd: a\nX-Error-Code: forged',
    'a bare CR in a value': 'X-Odd: a\rX-Error-Code: forged',
    'a bare LF behind a line': 'X-Odd: a\nX-More: b',
    'a name of an object': '__proto__: x',
    'a header twice': 'X-Odd: a\r\nx-odd: b',
    'a single header twice': 'Location: /a\r\nlocation: /b',
    'a type twice': 'Content-Type: text/html\r\nContent-Type: text/plain',
    'a range twice': 'Content-Range: bytes 0-1/2\r\nContent-Range: bytes 1-2/3',
    'a pause twice': 'Retry-After: 1\r\nRetry-After: 2',
    'a kept connection': 'Connection: keep-alive',
    'a connection that closes': 'Connection: Close',
    'a connection with several options': 'Connection: foo , close',
    'an upgrade that was not asked for': 'Connection: Upgrade\r\nUpgrade: websocket',
    'a long head': `X-Odd: ${'x'.repeat(12_000)}`,
    'an over-long head': `X-Odd: ${'x'.repeat(17_000)}`,
    'an over-long head of many lines': 'X-Odd: twenty bytes\r\n'.repeat(1000).trim(),
  },
  (draft, lines, random) => insert(draft, random, lines),
);
each(
  {
    'length with a plus': '+#',
    'length below zero': '-#',
    'length in hex': '0x#',
    'length with a fraction': '#.0',
    'length with an exponent': '#e0',
    'length in two numbers': '# #',
    'length in words': 'some',
    'length that is empty': '',
    'length twice in a line': '#, #',
    'length with a comma': '#,',
    'length with zeros before it': '000#',
    'length with space behind it': '#  ',
    'length with a tab around it': '\t#\t',
    'length with a no-break space': '\xa0#',
    'length with a vertical tab': '\x0b#',
    'length with a NUL': '#\0',
    'length with an underscore': '#_0',
    'length above 2^53': '9007199254740993',
    'length above 2^64': '18446744073709551621',
    'length of 30 digits': '000000000000000000000000000009',
    'length with a folded zero': '#\r\n 0',
  },
  (draft, text) => {
    frame(draft, 'length');
    draft.framingLines = [`Content-Length: ${text.replaceAll('#', String(draft.body.length))}`];
  },
);
each(
  {
    'length twice, alike': 'Content-Length: #\r\nContent-Length: #',
    'length twice, unlike': 'Content-Length: #\r\nContent-Length: 1#',
    'length and an empty one': 'Content-Length: #\r\nContent-Length:',
    'length with a space before the colon': 'Content-Length : #',
    'length in upper case': 'CONTENT-LENGTH: #',
    'length that is too small': 'Content-Length: <',
    'length that is too large': 'Content-Length: >',
    'length and chunks': 'Content-Length: #\r\nTransfer-Encoding: chunked',
    'chunks and length': 'Transfer-Encoding: chunked\r\nContent-Length: #',
    'length and an unknown coding': 'Transfer-Encoding: gzip\r\nContent-Length: #',
    'length and no coding': 'Transfer-Encoding:\r\nContent-Length: #',
  },
  (draft, text) => {
    frame(draft, 'length');
    const { length } = draft.body;
    const lines = text.replaceAll('#', String(length)).replaceAll('<', String(length >> 1));
    draft.framingLines = [lines.replaceAll('>', String(length + 3))];
  },
);
each(
  {
    'coding in capitals': 'Chunked',
    'coding behind another': 'gzip, chunked',
    'coding before another': 'chunked, gzip',
    'coding of nothing': 'identity',
    'coding that is unknown': 'zip',
    'coding twice in a line': 'chunked, chunked',
    'coding twice': 'chunked\r\nTransfer-Encoding: chunked',
    'coding with a prefix': 'xchunked',
    'coding with a suffix': 'chunkedx',
    'coding with a parameter': 'chunked;q=1',
    'coding with a comma before it': ',chunked',
    'coding with a comma behind it': 'chunked,',
    'coding with a no-break space': '\xa0chunked',
    'coding with a vertical tab': '\x0bchunked',
    'coding with space around it': ' \t chunked \t ',
    'coding in quotes': '"chunked"',
    'coding that is empty': '',
    'coding that is folded': '\r\n chunked',
  },
  (draft, coding) => {
    frame(draft, 'chunks');
    draft.framingLines = [`Transfer-Encoding: ${coding}`];
  },
);
add({
  'coding in HTTP/1.0': (draft) => {
    frame(draft, 'chunks');
    draft.version = 'HTTP/1.0 ';
  },
});
each(
  {
    extension: ';name=value',
    'extension without a value': ';name',
    'extension in quotes': ';name="a;b"',
    'extension with spaces': '; name = value',
    'extension that is empty': ';',
    'extension with space before it': ' ;name',
    'extension with an LF': ';a\n3\r\nbad',
    'extension with a CR': ';a\rb',
    'extension with a NUL': ';a\0b',
    'extension with latin1': ';\xe4=\xf6',
    'extension that is long': `;${'x'.repeat(300)}`,
    'extension that is over-long': `;${'x'.repeat(20_000)}`,
    'space behind a size': ' ',
    'letters behind a size': 'xyz',
  },
  (draft, extension) => {
    frame(draft, 'chunks');
    draft.extension = extension;
  },
);
const sizes: Record<string, (bytes: number) => string> = {
  'size in capitals': (bytes) => bytes.toString(16).toUpperCase(),
  'size with zeros before it': (bytes) => `00${bytes.toString(16)}`,
  'size with many zeros before it': (bytes) => bytes.toString(16).padStart(20, '0'),
  'size with a prefix': (bytes) => `0x${bytes.toString(16)}`,
  'size with a sign': (bytes) => `+${bytes.toString(16)}`,
  'size below zero': (bytes) => `-${bytes.toString(16)}`,
  'size that is missing': () => '',
  'size with space before it': (bytes) => ` ${bytes.toString(16)}`,
  'size that is too small': (bytes) => (bytes - 1).toString(16),
  'size that is too large': (bytes) => (bytes + 1).toString(16),
  'size that is huge': () => 'fffffff0',
  'size above 2^64': (bytes) => `1${bytes.toString(16).padStart(16, '0')}`,
  'size that is no number': () => 'xyz',
};
for (const [name, size] of Object.entries(sizes)) {
  oddities.set(name, (draft) => {
    frame(draft, 'chunks');
    draft.size = size;
  });
}
each(
  { 'chunk without an end': '', 'chunk that ends with an LF': '\n', 'chunk that ends with other bytes': 'ab' },
  (draft, chunkEnd) => {
    frame(draft, 'chunks');
    draft.chunkEnd = chunkEnd;
  },
);
each(
  { 'last chunk of many zeros': '0000', 'last chunk with an extension': '0;end', 'no last chunk': '' },
  (draft, lastChunk) => {
    frame(draft, 'chunks');
    draft.lastChunk = lastChunk;
  },
);
each(
  {
    trailers: 'X-Sum: 1\r\nX-Odd: 2\r\n',
    'trailers that frame': 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
    'trailer that is broken': 'X Sum: 1\r\n',
    'trailer without a colon': 'X-Sum\r\n',
    'trailer that is folded': 'X-Sum: 1\r\n 2\r\n',
    'trailer with an LF': 'X-Sum: 1\nX-More: 2\r\n',
    'trailer with a NUL': 'X-Sum: \0\r\n',
    'trailers that are over-long': `X-Sum: ${'x'.repeat(18_000)}\r\n`,
  },
  (draft, trailers) => {
    frame(draft, 'chunks');
    draft.trailers = trailers;
  },
);
each(
  {
    'no content': '204',
    'no content with a length': '204 Content-Length: 5',
    'no content with chunks': '204 Transfer-Encoding: chunked',
    'not modified': '304',
    'not modified with a length': '304 Content-Length: 1000',
    'not modified with chunks': '304 Transfer-Encoding: chunked',
  },
  (draft, text) => {
    draft.status = text.slice(0, 3);
    draft.framing = 'close';
    draft.framingLines = text.length > 3 ? [text.slice(4)] : [];
    draft.body = '';
  },
);
each(
  {
    'no content with a body': '204',
    'not modified with a body': '304',
  },
  (draft, status) => {
    draft.status = status;
    frame(draft, draft.framing);
  },
);
each(
  {
    'informational with a length': 'HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n',
    'informational with chunks': 'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n',
    'informational with a bad length': 'HTTP/1.1 103 Early Hints\r\nContent-Length: 7, 7\r\n\r\n',
    'informational with a broken header': 'HTTP/1.1 103 Early Hints\r\nX Odd: 1\r\n\r\n',
    'informational that closes': 'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n',
    'informational of HTTP/1.0': 'HTTP/1.0 103 Early Hints\r\n\r\n',
    'informational with bare LFs': 'HTTP/1.1 103 Early Hints\nLink: </a>\n\n',
    'informational that is over-long': `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(17_000)}\r\n\r\n`,
    'informational beyond number': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40),
    'switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'switch of protocols by name':
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  },
  (draft, text) => (draft.before += text),
);
add({
  'bare LFs': (draft) => (draft.lineEnd = '\n'),
  'bare CRs': (draft) => (draft.lineEnd = '\r'),
  'a long body': (draft, random) => {
    draft.body = random.bytes(100_000);
    draft.framing = 'chunks';
  },
  surplus: (draft, random) => (draft.surplus = random.pick(['x', '\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\0\0'])),
  truncation: (draft, random) => (draft.cutAt = random.next()),
  'a byte that was changed': () => undefined,
});
