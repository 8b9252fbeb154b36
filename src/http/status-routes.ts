import type { FastifyInstance } from 'fastify';
import { fail } from '../core/base/errors.ts';
import type { Core } from '../core/core.ts';
import type { Metrics } from './metrics.ts';

/** For probes, which have no token. They show only that the server lives, or is ready. */
export function probeRoutes(app: FastifyInstance, core: Core): void {
  app.get('/healthz', async () => ({ status: 'ok', service: 'ecolink' }));
  // Everybody may ask, so many questions at one time cost the store one look.
  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => (looking ??= core.ping().finally(() => (looking = undefined)));
  app.get('/readyz', async () => {
    await look().catch((cause: unknown) => {
      core.log.error({ err: cause }, 'the store does not answer');
      // Everybody may ask, and only operators may know where the database is.
      throw fail('store_unavailable', 'The store does not answer.', {
        nextStep: "Read the server's log.",
        cause,
      });
    });
    return { status: 'ready' };
  });
}

/** GET /metrics, in the text format of Prometheus. */
export function metricsRoute(app: FastifyInstance, { needScope }: Core, { registry }: Metrics): void {
  app.get('/metrics', async (request, reply) => {
    needScope(request.caller, 'read');
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
