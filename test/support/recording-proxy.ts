import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What went through: the heads and the bodies, as bytes. */
export interface Exchange {
  path: string;
  sent: string;
  answered: string;
}

/** Passes HTTP on to `target`, which may be said later, and keeps both sides of it. */
export class RecordingProxy implements AsyncDisposable {
  readonly exchanges: Exchange[] = [];
  target = '';
  readonly #server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const { host: _host, 'content-length': _length, connection: _connection, ...headers } = request.headers;
      const answer = await fetch(this.target + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      });
      const said = Buffer.from(await answer.arrayBuffer());
      this.exchanges.push({
        path: request.url ?? '',
        sent: `${JSON.stringify(request.rawHeaders)} ${body.toString('latin1')}`,
        answered: `${JSON.stringify([...answer.headers])} ${said.toString('latin1')}`,
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
      response.end(said);
    })().catch(() => response.destroy());
  });

  static async start(): Promise<RecordingProxy> {
    const proxy = new RecordingProxy();
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
