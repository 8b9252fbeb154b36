import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { listeningPort } from '../../../src/core/base/listening-port.ts';
import { batchBytes } from '../../../src/core/download/wire/range-writer.ts';
import { RawClient } from '../../../src/core/download/wire/raw-client.ts';
import { oddityNames, randomAnswer } from './random-answers.ts';
import { Random } from './random.ts';
import { readRaw, readWithNode, serveAnswers, surplus, type Reading } from './two-readers.ts';

/** Oddities that Node's parser accepts and ours refuses, by reason. Ours accepts nothing that Node's refuses. */
const stricter: Record<string, string[]> = {
  'Only HTTP/1.0 and HTTP/1.1 are supported.': [
    'version 0.9',
    'version 2.0',
    'version of another protocol',
    'version of Icecast',
  ],
  'A status begins with a digit from 1 to 9.': ['status below 100'],
  'Bytes before the status line may belong to another request.': ['an empty line first', 'a bare LF first'],
  'Normal servers send no control characters.': ['a NUL in the reason', 'a control character in the reason'],
  'A body in another coding cannot be decoded. Node returns it unchanged, or reads until the connection ends.': [
    'coding behind another',
    'coding before another',
    'coding of nothing',
    'coding that is unknown',
    'coding twice',
    'coding twice in a line',
    'coding with a prefix',
    'coding with a suffix',
    'coding with a parameter',
    'coding with a comma before it',
    'coding with a comma behind it',
    'coding with a no-break space',
    'coding in quotes',
  ],
  'HTTP/1.0 has no chunks: a proxy with HTTP/1.0 would see another end of the body (RFC 9112, 6.1).': [
    'coding in HTTP/1.0',
  ],
  'Node reads a coding with a tab after it as another coding, so both headers are refused with a tab.': [
    'coding with space around it',
    'length with a tab around it',
  ],
  'Texts are limited: the size of a chunk to eight digits, and a refusal to 64 KiB.': [
    'size with many zeros before it',
    'a long body',
  ],
  'Node waits without limit for a final response.': ['informational beyond number'],
  'Node returns a 101 without the name of a protocol to its caller.': ['switch of protocols'],
};
const reasons = new Map(Object.entries(stricter).flatMap(([reason, names]) => names.map((name) => [name, reason])));
/** This oddity may have the effect of any of those above. */
const anything = 'a byte that was changed';

const answersPerSeed = 300;

test.each([1, 2])('both readers read random responses in the same way (seed %i)', { timeout: 60_000 }, async (seed) => {
  const random = new Random(seed);
  const answers = Array.from({ length: answersPerSeed }, (_, index) => randomAnswer(random, oddityNames[index]));
  using server = await serveAnswers(answers);
  const differences = new Set<string>();
  let taken = 0;
  let next = 0;
  const lane = async () => {
    using client = new RawClient(20_000);
    for (let index = next++; index < answers.length; index = next++) {
      const odd = answers[index]?.odd ?? [];
      const url = server.url(index);
      const [ours, nodes] = await Promise.all([readRaw(client, url, index % 2 === 0), readWithNode(url)]);
      const difference = compare(ours, nodes, odd);
      if (difference !== undefined) expect.soft(difference, `answer ${index}: ${odd.join(', ')}`).toBe('allowed');
      if (difference === 'allowed' && odd.length === 1) differences.add(odd[0] ?? '');
      if ('status' in ours) taken += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  // If both readers refused everything, the test would prove nothing. A reason without a difference is out of date.
  expect(taken).toBeGreaterThan(answers.length / 4);
  expect([...reasons.keys()].filter((name) => !differences.has(name))).toEqual([]);
});

/** Undefined if both readers agree. */
function compare(ours: Reading, nodes: Reading, odd: readonly string[]): unknown {
  if ('refused' in ours && ours.refused.startsWith('stalled')) return 'our reader waits for bytes that never come';
  if ('status' in ours && 'status' in nodes) return isSame(ours, nodes) ? undefined : { ours, nodes };
  if ('refused' in ours && 'refused' in nodes) return undefined;
  // Bytes after the end are refused if one read returns them with the end. Later ones close the connection. That
  // depends on
  // the timing of the network.
  if ('refused' in ours) return mayRefuse(ours.refused, odd) ? 'allowed' : { ours, nodes: 'taken' };
  return 'refused' in nodes && nodes.refused === surplus ? 'allowed' : { ours: 'taken', nodes };
}

function isSame(ours: Reading & { body: Buffer }, nodes: Reading & { body: Buffer }): boolean {
  const [{ body, ...head }, { body: nodesBody, ...nodesHead }] = [ours, nodes];
  return body.equals(nodesBody) && JSON.stringify(head) === JSON.stringify(nodesHead);
}

function mayRefuse(refused: string, odd: readonly string[]): boolean {
  return refused === surplus || odd.some((name) => name === anything || reasons.has(name));
}

/** A server that calls `answer` for each request, with its number, and counts the connections. */
async function serveInTurn(answer: (socket: Socket, request: number) => void) {
  const sockets = new Set<Socket>();
  let [requests, connections] = [0, 0];
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket, requests++));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = listeningPort(server);
  return {
    url: new URL(`http://127.0.0.1:${port}/0`),
    connections: () => connections,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A different body for each request, sometimes an empty one. */
function bodyOf(request: number): string {
  return request % 5 === 0 ? '' : `answer ${request}`;
}

const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';

describe('on a kept connection', () => {
  test('a response never begins in the bytes after the one before it', async () => {
    const random = new Random(3);
    const kinds = Array.from({ length: 200 }, () => random.pick(['kept', 'kept', 'surplus', 'part of one', 'closes']));
    using server = await serveInTurn((socket, request) => {
      const kind = kinds[request] ?? 'kept';
      const body = bodyOf(request);
      const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
      const framing = random.chance(0.5)
        ? `Content-Length: ${body.length}\r\n\r\n${body}`
        : `Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
      const early = random.chance(0.5) ? 'HTTP/1.1 103 Early Hints\r\n\r\n' : '';
      const behind = kind === 'surplus' ? forged : kind === 'part of one' ? forged.slice(0, random.whole(1, 40)) : '';
      const connection = kind === 'closes' ? 'keep-alive, Close' : 'keep-alive';
      socket.write(`${early}HTTP/1.1 200 OK\r\nConnection: ${connection}\r\n${framing}${behind}`);
    });
    using client = new RawClient(20_000);
    for (const [index, kind] of kinds.entries()) {
      const reading = await readRaw(client, server.url, index % 2 === 0);
      const isWhole = kind === 'kept' || kind === 'closes';
      expect('body' in reading ? reading.body.toString() : reading.refused).toBe(isWhole ? bodyOf(index) : surplus);
    }
    const ended = kinds.slice(0, -1).filter((kind) => kind !== 'kept');
    expect(server.connections()).toBe(1 + ended.length);
  });

  /** Writes a response to a slow disk. More bytes arrive after the response in the meantime. */
  async function writeSlowly(size: number) {
    const sockets: Socket[] = [];
    const server = await serveInTurn((socket) => {
      sockets.push(socket);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size));
    });
    const client = new RawClient(20_000);
    const answer = await client.get(server.url, {}, new AbortController().signal);
    const [disk, whole] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let received = 0;
    const sink = {
      write: () => disk.promise,
      received: (bytes: number) => {
        received += bytes;
        if (received === size) whole.resolve();
      },
      written: () => undefined,
    };
    const written = answer.writeTo({ start: 0, end: size }, sink);
    written.catch(() => undefined);
    await whole.promise;
    await new Promise<void>((resolve) => sockets[0]?.write(forged, () => resolve()));
    // The bytes that the kernel has taken are read in the next turns.
    for (let turns = 0; turns < 5; turns += 1) await turn();
    disk.resolve();
    return { server, client, written };
  }

  test('bytes after a body that arrive while its first half is written are refused', async () => {
    const { server, client, written } = await writeSlowly(2 * batchBytes - 7);
    await expect(written).rejects.toThrow('more bytes');
    client[Symbol.dispose]();
    server[Symbol.dispose]();
  });

  test('bytes after a body that arrive while all of the body is written end the connection', async () => {
    const { server, client, written } = await writeSlowly(100);
    await written;
    const next = await client.get(server.url, {}, new AbortController().signal);
    expect((await next.body()).length).toBe(100);
    expect(server.connections()).toBe(2);
    client[Symbol.dispose]();
    server[Symbol.dispose]();
  });
});

test('a body without a length is refused if the connection breaks', async () => {
  const sockets: Socket[] = [];
  using server = await serveInTurn((socket) => {
    sockets.push(socket);
    socket.write('HTTP/1.1 403 No\r\n\r\nYou may');
  });
  using client = new RawClient(20_000);
  const answer = await client.get(server.url, {}, new AbortController().signal);
  sockets[0]?.resetAndDestroy();
  await expect(answer.body()).rejects.toMatchObject({ code: 'hub_unreachable' });
});

test.each([
  ['a length that no number holds', 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n'],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
])('%s is refused at once, although the server waits', async (_, head) => {
  using server = await serveInTurn((socket) => void socket.write(head));
  using client = new RawClient(20_000);
  expect(await readRaw(client, server.url, true)).toEqual({ refused: expect.stringMatching(/^hub_protocol/) });
});

describe('an endless response is refused after a limited number of bytes', () => {
  const chunked = 'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n';
  test.each([
    ['a head', 'HTTP/1.1 200 OK\r\nX-Odd: ', 'x'],
    ['a head of many lines', 'HTTP/1.1 200 OK\r\n', 'a: b\r\n'],
    ['a row of informational answers', '', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
    ['a text', 'HTTP/1.1 403 No\r\n\r\n', 'no '],
    ['a text of chunks', chunked, '2\r\nno\r\n'],
    ['an extension', `${chunked}2;`, 'x'],
    ['a chunk', `${chunked}ffffffff\r\n`, 'x'],
    ['a trailer', `${chunked}0\r\n`, 'x'],
    ['empty lines', '', '\r\n'],
  ])('%s', async (_, beginning, more) => {
    const piece = Buffer.from(more.repeat(64 * 1024));
    // The kernel accepts some bytes even after the reader has closed.
    const tooMuch = 64 * 1024 * 1024;
    const ended = Promise.withResolvers<number>();
    using server = await serveInTurn((socket) => {
      socket.write(beginning);
      const send = () => {
        while (!socket.destroyed && socket.bytesWritten < tooMuch && socket.write(piece));
        if (socket.bytesWritten >= tooMuch) socket.end();
      };
      socket.on('drain', send).on('close', () => ended.resolve(socket.bytesWritten));
      send();
    });
    using client = new RawClient(20_000);
    const reading = await readRaw(client, server.url, false);
    expect(reading).toEqual({ refused: expect.stringMatching(/^hub_protocol/) });
    expect(await ended.promise).toBeLessThan(tooMuch);
  });
});
