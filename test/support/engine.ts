import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Engine extends AsyncDisposable {
  url: string;
  /** Requests whose bodies have arrived, in order. */
  seen: Seen[];
}

export type Answer = (response: ServerResponse, seen: Seen, request: IncomingMessage) => void | Promise<void>;

/** A server of the test that stands where a replica would: it notes what reaches it and answers as told. */
export async function startEngine(answer: Answer = echo): Promise<Engine> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = (await buffer(request)).toString();
      const { method = '', url = '', headers } = request;
      const each = { method, url, headers, body };
      seen.push(each);
      await answer(response, each, request);
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers with what came. */
export function echo(response: ServerResponse, seen: Seen): void {
  sendJson(response, seen);
}

export function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A base URL where nothing listens. */
export async function deadUrl(): Promise<string> {
  await using engine = await startEngine();
  return engine.url;
}
