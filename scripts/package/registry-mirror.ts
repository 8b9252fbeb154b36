import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Answer {
  status: number;
  type: string;
  body: Buffer;
}

/**
 * A registry on loopback, which fetches everything once from another one. A program that knows no other address can be
 * watched: every connection that leaves loopback is a fault.
 */
export async function startRegistryMirror(upstream: string): Promise<AsyncDisposable & { url: string; port: number }> {
  const answers = new Map<string, Promise<Answer>>();
  const server = createServer((request, response) => {
    const accept = request.headers.accept ?? '*/*';
    const key = `${accept} ${request.url}`;
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = fetchOnce(new URL(`.${request.url}`, upstream), accept);
      answers.set(key, answer);
    }
    void send(answer, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function fetchOnce(url: URL, accept: string): Promise<Answer> {
  const response = await fetch(url, { headers: { accept } });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? 'application/octet-stream',
    body: Buffer.from(await response.arrayBuffer()),
  };
}

async function send(answer: Promise<Answer>, response: ServerResponse): Promise<void> {
  try {
    const { status, type, body } = await answer;
    response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body);
  } catch {
    response.writeHead(502).end();
  }
}
