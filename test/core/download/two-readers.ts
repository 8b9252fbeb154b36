import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { listeningPort } from '../../../src/core/base/listening-port.ts';
import { TransientError } from '../../../src/core/download/failure.ts';
import type { RawClient } from '../../../src/core/download/wire/raw-client.ts';

/**
 * The result of a reader: the complete response, or a refusal. A reader may accept a response and refuse the bytes
 * after it.
 */
export type Reading =
  | { status: number; headers: Record<string, string | undefined>; body: Buffer }
  | { refused: string };

/** The refusal of bytes after the end of the response. */
export const surplus = 'surplus';

/** The headers that the download reads, and one that only the tests use. */
const headersThatMatter = [
  'content-length',
  'content-range',
  'content-type',
  'location',
  'ratelimit',
  'retry-after',
  'x-error-code',
  'x-error-message',
  'x-linked-size',
  'x-odd',
];

/** Answers a request for `/<index>` with the pieces of that answer, and ends the connection. */
export async function serveAnswers(answers: readonly { pieces: readonly Buffer[] }[]) {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', (request: Buffer) => {
      const index = Number(/^GET \/(\d+) /.exec(request.toString('latin1'))?.[1]);
      void send(socket, answers[index]?.pieces ?? []);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = listeningPort(server);
  return {
    url: (index: number) => new URL(`http://127.0.0.1:${port}/${index}`),
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Waits one turn between two pieces, so that a reader gets them separately. */
async function send(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    await turn();
  }
  socket.end();
}

/** Reads the body as text. With `intoFile`, and if the response has a length, it reads the body as for a file. */
export async function readRaw(client: RawClient, url: URL, intoFile: boolean): Promise<Reading> {
  try {
    const answer = await client.get(url, {}, new AbortController().signal);
    const headers = Object.fromEntries(headersThatMatter.map((name) => [name, answer.header(name)]));
    const hasBody = answer.status !== 204 && answer.status !== 304;
    const bytes = Number(answer.header('content-length'));
    const body = intoFile && answer.isPlain && hasBody ? await written(answer, bytes) : await answer.body();
    return { status: answer.status, headers, body };
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    const { code, message } = error;
    return { refused: message.includes('more bytes') ? surplus : `${code}: ${message}` };
  }
}

type Raw = Awaited<ReturnType<RawClient['get']>>;

async function written(answer: Raw, bytes: number): Promise<Buffer> {
  const batches: Buffer[] = [];
  const sink = {
    // A copy, because the reader reuses the memory.
    write: async (batch: Buffer[]) => void batches.push(Buffer.concat(batch)),
    received: () => undefined,
    written: () => undefined,
  };
  await answer.writeTo({ start: 0, end: bytes }, sink);
  return Buffer.concat(batches);
}

export function readWithNode(url: URL): Promise<Reading> {
  return new Promise((resolve) => {
    let answer: IncomingMessage | undefined;
    const refuse = (error: Error & { code?: string }) =>
      resolve({ refused: answer?.complete ? surplus : `${error.code}: ${error.message}` });
    const request = get(url, { agent: false }, (response) => {
      const pieces: Buffer[] = [];
      answer = response;
      response.on('error', refuse).on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const headers = Object.fromEntries(headersThatMatter.map((name) => [name, text(response.headers[name])]));
        resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(pieces) });
      });
    });
    request.on('error', refuse);
    // A switch of protocols without a listener emits no error. This is its last event.
    request.on('close', () => resolve({ refused: 'closed' }));
  });
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
