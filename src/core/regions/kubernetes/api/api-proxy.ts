import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { ClusterAccess } from './access.ts';
import { pathOf } from './kinds.ts';

/** They belong to one connection, and the first of them is the caller's affair with EcoLink. */
const ownHeaders = new Set([
  'authorization',
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
]);

/**
 * Reaches pods through the API server's proxy, for trying out from outside a cluster. It listens on loopback under a path
 * that nobody can guess, so that whoever calls replicas needs to know neither the cluster's certificate nor its token.
 */
export class ApiProxy {
  readonly #access: ClusterAccess;
  readonly #namespace: string;
  readonly #secret = randomBytes(16).toString('hex');
  #server: Promise<Server> | undefined;

  constructor(access: ClusterAccess, namespace: string) {
    this.#access = access;
    this.#namespace = namespace;
  }

  async urlOf(pod: string, port: number): Promise<string> {
    this.#server ??= this.#listen();
    const address = (await this.#server).address() as AddressInfo;
    return `http://127.0.0.1:${address.port}/${this.#secret}/${pod}:${port}`;
  }

  async close(): Promise<void> {
    const server = await this.#server;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  async #listen(): Promise<Server> {
    const server = createServer((incoming, outgoing) => {
      this.#forward(incoming, outgoing).catch(() => outgoing.destroy());
    });
    // It must not keep a process alive that has nothing else to do.
    server.listen(0, '127.0.0.1').unref();
    await once(server, 'listening');
    return server;
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const [, secret, target, rest] = /^\/([^/]+)\/([a-z0-9.-]+:\d+)(\/.*)?$/.exec(incoming.url ?? '') ?? [];
    if (secret !== this.#secret || target === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    const { server, headers, dispatcher } = await this.#access.current();
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    const hasBody =
      incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
    const answer = await request(`${server}${pathOf('Pod', this.#namespace, target)}/proxy${rest ?? '/'}`, {
      method: incoming.method as 'GET',
      dispatcher,
      headers: { ...passedOn(incoming.headers), ...headers },
      body: hasBody ? incoming : null,
      signal: gone.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    if (answer.statusCode < 400 || !isJson(answer.headers)) {
      outgoing.writeHead(answer.statusCode, passedOn(answer.headers));
      await pipeline(answer.body, outgoing);
      return;
    }
    const text = await answer.body.text();
    if (!isStatus(text)) {
      outgoing.writeHead(answer.statusCode, passedOn(answer.headers)).end(text);
      return;
    }
    // The API server's own words, which are no answer of the pod: to the gateway the pod has not answered.
    if (answer.statusCode === 401) this.#access.forget();
    outgoing.destroy();
  }
}

function isJson(headers: IncomingMessage['headers']): boolean {
  return headers['content-type']?.startsWith('application/json') ?? false;
}

function isStatus(text: string): boolean {
  try {
    const { kind, apiVersion } = JSON.parse(text) as { kind?: unknown; apiVersion?: unknown };
    return kind === 'Status' && apiVersion === 'v1';
  } catch {
    return false;
  }
}

function passedOn(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !ownHeaders.has(name));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}
