import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Core } from '../core/core.ts';

/** POST /api/operations/<name>: the input as JSON in, the output as JSON out. */
export function operationsRoute(app: FastifyInstance, core: Core, stopping: AbortSignal): void {
  app.post<{ Params: { name: string } }>('/api/operations/:name', async (request, reply) => {
    const signal = AbortSignal.any([goneSignal(reply), stopping]);
    return core.execute(request.params.name, request.body ?? {}, request.caller, { requestId: request.id, signal });
  });
}

/** Aborted when the caller has closed the connection: nobody reads what a longer wait would find. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
