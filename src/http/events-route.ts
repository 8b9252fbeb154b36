import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Change } from '../core/base/changes.ts';
import type { Core } from '../core/core.ts';
import type { Admit } from './gatekeeper.ts';

const heartbeatMs = 15_000;
/** A reader that is this far behind is disconnected. It connects again and reads everything anew. */
const mostUnreadBytes = 1 << 20;

/** GET /api/events: one `event: change` per change, as a hint to read again. Nothing is repeated after a break. */
export function eventsRoute(
  app: FastifyInstance,
  { changes, maySee, needScope, log }: Core,
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
    let { caller } = request;
    const tell = async (change: Change): Promise<void> => {
      if (await maySee(change, caller)) send(`event: change\ndata: ${JSON.stringify(change)}\n\n`);
    };
    // One after the other: the order of changes is kept.
    let told = Promise.resolve();
    const end = changes.subscribe((change) => {
      told = told.then(() => tell(change)).catch((err: unknown) => log.warn({ err }, 'a change was not told'));
    });
    const heartbeat = setInterval(() => {
      send(': still here\n\n');
      // The reader may lose the role or the token while the stream is open.
      admit(request.raw).then(
        (now) => (caller = now),
        () => response.end(),
      );
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
