import type { FastifyInstance } from 'fastify';
import type { Core } from '../core/core.ts';
import { fail } from '../core/base/errors.ts';
import { needScope } from '../core/access/rights.ts';
import type { Metrics } from './metrics.ts';

/** For probes, which bring no token: they tell no more than that it lives, or is ready. */
export function probeRoutes(app: FastifyInstance, core: Core): void {
  app.get('/healthz', async () => ({ status: 'ok', service: 'ecolink', pid: process.pid }));
  app.get('/readyz', async () => {
    await core.ping().catch((cause: unknown) => {
      core.log.error({ err: cause }, 'the store does not answer');
      throw fail('store_unavailable', 'The store does not answer.', {
        nextStep: "Look at the server's log.",
        cause,
      });
    });
    return { status: 'ready' };
  });
}

/** GET /metrics, in the text format of Prometheus. */
export function metricsRoute(app: FastifyInstance, { registry }: Metrics): void {
  app.get('/metrics', async (request, reply) => {
    needScope(request.caller, 'read');
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
