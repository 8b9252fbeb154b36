import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Changes } from '../core/base/changes.ts';
import { needScope } from '../core/access/rights.ts';
import type { Admit } from './gatekeeper.ts';

const heartbeatMs = 15_000;
/** A reader that is this far behind is cut off: it connects again and reads everything afresh, as it must anyway. */
const mostUnreadBytes = 1 << 20;

/** GET /api/events: one `event: change` per change, as hints to read again. Nothing is replayed after a break. */
export function eventsRoute(app: FastifyInstance, changes: Changes, admit: Admit, stopping: AbortSignal): void {
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
      // A stream outlives the question who its reader is: it ends with their role, or with their token.
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
