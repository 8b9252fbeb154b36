import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { textWithin } from '../../../base/text-within.ts';
import { parseJson } from './answers.ts';
import type { ClusterAccess } from './access.ts';
import { pathOf } from './kinds.ts';

type Headers = Record<string, string | string[]>;

/** Headers of one connection, and the caller's token for EcoLink: none of them is passed on. */
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

/** For a refusal, which is read whole: it may be the API server's own. */
const refusalLimitBytes = 256 * 1024;
const refusalDeadlineMs = 10_000;

/**
 * Reaches pods through the API server's proxy, to try EcoLink out from outside a cluster. It listens on loopback, under a
 * path that nobody can guess. So callers of replicas need neither the cluster's certificate nor its token.
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
    return `http://127.0.0.1:${portOf(await this.#server)}/${this.#secret}/${pod}:${port}`;
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
    // It must not keep the process alive.
    server.listen(0, '127.0.0.1').unref();
    await once(server, 'listening');
    return server;
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const [, secret, target, path] = /^\/([^/]+)\/([a-z0-9.-]+:\d+)(\/.*)?$/.exec(incoming.url ?? '') ?? [];
    if (secret !== this.#secret || target === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    const answer = await this.#call(incoming, outgoing, `${target}/proxy${path ?? '/'}`);
    if (answer.statusCode < 400 || !isJson(answer.headers)) {
      outgoing.writeHead(answer.statusCode, passedOn(answer.headers));
      await pipeline(answer.body, outgoing);
      return;
    }
    const text = await refusalOf(answer.body);
    if (text === undefined) return void outgoing.destroy();
    if (!statusSchema.safeParse(parseJson(text)).success) {
      outgoing.writeHead(answer.statusCode, passedOn(answer.headers)).end(text);
      return;
    }
    // The API server answered in the pod's place. For the gateway the pod has not answered.
    if (answer.statusCode === 401) this.#access.forget();
    outgoing.destroy();
  }

  async #call(incoming: IncomingMessage, outgoing: ServerResponse, target: string): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#access.current();
    const closed = new AbortController();
    outgoing.on('close', () => closed.abort());
    const hasBody =
      incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
    return request(`${server}${pathOf('Pod', this.#namespace, target)}`, {
      method: incoming.method ?? 'GET',
      dispatcher,
      headers: { ...passedOn(incoming.headers), ...headers },
      body: hasBody ? incoming : null,
      signal: closed.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy does not listen on a port.');
  return address.port;
}

/** Undefined if a pod drips its refusal or does not end it. */
async function refusalOf(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const late = AbortSignal.timeout(refusalDeadlineMs);
  const giveUp = (): void => void body.destroy(new Error('The refusal took too long.'));
  late.addEventListener('abort', giveUp);
  try {
    return await textWithin(body, refusalLimitBytes);
  } finally {
    late.removeEventListener('abort', giveUp);
  }
}

function isJson(headers: IncomingMessage['headers']): boolean {
  return headers['content-type']?.startsWith('application/json') ?? false;
}

const statusSchema = z.object({ kind: z.literal('Status'), apiVersion: z.literal('v1') });

function passedOn(headers: IncomingMessage['headers']): Headers {
  const kept: Headers = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !ownHeaders.has(name)) kept[name] = value;
  return kept;
}
