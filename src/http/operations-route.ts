import type { FastifyInstance, FastifyReply } from 'fastify';
import { plainSpeaker } from '../core/base/prose.ts';
import type { Core } from '../core/core.ts';
import { renderOutput } from '../core/operation/render-output.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import { wantsParts } from './prose-header.ts';

/** POST /api/operations/<name>: the input as JSON in, the output as JSON out. */
export function operationsRoute(app: FastifyInstance, core: Core, stopping: AbortSignal): void {
  app.post<{ Params: { name: string } }>('/api/operations/:name', async (request, reply) => {
    const { name } = request.params;
    const signal = AbortSignal.any([goneSignal(reply), stopping]);
    const output = await core.execute(name, request.body ?? {}, request.caller, { requestId: request.id, signal });
    return wantsParts(request) ? output : inPlainWords(name, output);
  });
}

function inPlainWords(name: string, output: Record<string, unknown>): Record<string, unknown> {
  const operation = findOperation(name);
  return operation ? renderOutput(operation.output, output, plainSpeaker) : output;
}

/** Aborted when the caller closes the connection: nobody would read the result of a longer wait. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
