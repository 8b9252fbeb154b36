import { once } from 'node:events';
import { createServer, request as requestHttp } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

const maximumCompressed = 64 * 1024;

/**
 * A mirror of a Hub under the path `/hf`, as companies run them. It passes on what the original wrote: redirects from its
 * root, and the pages of lists under the original's own host. It compresses small files, whether it was asked to or not.
 */
export async function startMirror(hub: string, renamed?: { from: string; to: string }) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    seen.push(url);
    if (!url.startsWith('/hf/')) {
      response.writeHead(404).end('This is another site.');
      return;
    }
    if (renamed && url.includes(renamed.from)) {
      const location = url.slice('/hf'.length).replace(renamed.from, renamed.to);
      response.writeHead(307, { location }).end();
      return;
    }
    const { host: _host, ...headers } = request.headers;
    const onward = requestHttp(new URL(url.slice('/hf'.length), hub), { method: request.method, headers }, (answer) => {
      const { link, ...rest } = answer.headers;
      const passed = { ...rest, ...(link && { link: String(link).replaceAll(hub, 'https://huggingface.co') }) };
      const status = answer.statusCode ?? 502;
      const size = Number(answer.headers['content-length'] ?? Infinity);
      if (status !== 200 || size > maximumCompressed) {
        response.writeHead(status, passed);
        answer.pipe(response);
        return;
      }
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        const body = gzipSync(Buffer.concat(parts));
        response.writeHead(200, { ...passed, 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
      });
    });
    onward.on('error', () => response.destroy()).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seen,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hf`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
