import { once } from 'node:events';
import { Agent as HttpsAgent, request } from 'node:https';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request. Undefined lets it through. */
export type Fault = { status: number; retryAfter?: number; body?: string } | 'hang' | 'cut';

export interface FaultProxy extends AsyncDisposable {
  url: string;
  fault: (request: IncomingMessage) => Fault | undefined;
  /** Method and path, without the query, of every request. */
  requests: string[];
  /** Breaks every open watch. */
  cutWatches(): void;
}

/** Stands between a client and the API server, and fails on demand. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const agent = new HttpsAgent({ rejectUnauthorized: false, keepAlive: true });
  const watches = new Set<ServerResponse>();
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${(incoming.url ?? '').split('?')[0]}`);
    const fault = proxy.fault(incoming);
    if (fault === 'hang') return;
    if (fault === 'cut') return void incoming.socket.destroy();
    if (fault) {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      outgoing
        .writeHead(fault.status, headers)
        .end(fault.body ?? JSON.stringify({ kind: 'Status', message: 'as the test wants it', code: fault.status }));
      return;
    }
    const { method, url, headers } = incoming;
    const passed = request(
      target + url,
      { method, headers: { ...headers, host: new URL(target).host }, agent },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        if (url?.includes('watch=true')) {
          outgoing.flushHeaders();
          watches.add(outgoing);
          outgoing.on('close', () => watches.delete(outgoing));
        }
        answer.on('error', () => outgoing.destroy());
        answer.pipe(outgoing);
        outgoing.on('close', () => answer.destroy());
      },
    );
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: () => undefined,
    requests,
    cutWatches: () => {
      for (const watch of watches) watch.destroy();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      agent.destroy();
    },
  };
  return proxy;
}
