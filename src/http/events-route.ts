import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Core } from '../core/core.ts';
import type { Admit } from './gatekeeper.ts';

const heartbeatMs = 15_000;
/** A reader that is this far behind is disconnected. It connects again and reads everything anew. */
const mostUnreadBytes = 1 << 20;

/** GET /api/events: one `event: change` per change, as a hint to read again. Nothing is repeated after a break. */
export function eventsRoute(
  app: FastifyInstance,
  { changes, needScope }: Core,
  admit: Admit,
  stopping: AbortSignal,
): void {
  app.get('/api/events', { exposeHeadRoute: false }, (request, reply) => {
    needScope(request.caller, 'read');
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-request-id': request.id,
    });
    const send = (text: string): void => {
      response.write(text);
      if (response.writableLength > mostUnreadBytes) response.destroy();
    };
    send(': connected\n\n');
    const end = changes.subscribe((change) => send(`event: change\ndata: ${JSON.stringify(change)}\n\n`));
    const heartbeat = setInterval(() => {
      send(': still here\n\n');
      // The reader may lose the role or the token while the stream is open.
      admit(request.raw).catch(() => response.end());
    }, heartbeatMs);
    endWith(response, stopping, () => {
      clearInterval(heartbeat);
      end();
    });
  });
}

function endWith(response: ServerResponse, stopping: AbortSignal, cleanUp: () => void): void {
  const stop = (): void => void response.end();
  stopping.addEventListener('abort', stop, { once: true });
  response.once('close', () => {
    stopping.removeEventListener('abort', stop);
    cleanUp();
  });
}
