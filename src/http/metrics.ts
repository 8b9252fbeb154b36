import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Core } from '../core/core.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import type { GatewayObserver } from '../gateway/gateway.ts';

export interface Metrics {
  registry: Registry;
  gateway: GatewayObserver;
  operation(name: string, outcome: string, seconds: number): void;
}

/** One registry per server: two servers in one process (tests) do not count each other's work. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const operations = new Counter({
    name: 'ecolink_operations_total',
    help: 'Operations by name and outcome ("done" or the error code).',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'ecolink_operation_duration_seconds',
    help: 'How long operations took, waiting for a change of state included.',
    labelNames: ['operation'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30, 120],
    registers,
  });
  const calls = new Counter({
    name: 'ecolink_gateway_requests_total',
    help: 'Calls of models by instance and HTTP status.',
    labelNames: ['instance', 'status'],
    registers,
  });
  const open = new Gauge({
    name: 'ecolink_gateway_open_streams',
    help: 'Calls that are being answered by a replica now.',
    registers,
  });
  return {
    registry,
    operation(name, outcome, seconds) {
      operations.inc({ operation: name, outcome });
      durations.observe({ operation: name }, seconds);
    },
    gateway: {
      opened() {
        open.inc();
        return () => open.dec();
      },
      answered: (instance, status) => calls.inc({ instance: instance ?? 'none', status }),
    },
  };
}

/** The same core, with every operation counted whichever front end of this server runs it. */
export function metered(core: Core, metrics: Metrics): Core {
  return {
    config: core.config,
    log: core.log,
    access: core.access,
    claims: core.claims,
    installations: core.installations,
    routes: core.routes,
    inFlight: core.inFlight,
    changes: core.changes,
    approvals: core.approvals,
    endings: core.endings,
    credentials: core.credentials,
    tokens: core.tokens,
    ping: () => core.ping(),
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
    async execute(operation, input, caller, options) {
      // Names come from outside: only real ones may become labels.
      const name = findOperation(operation) ? operation : 'unknown';
      const started = performance.now();
      const done = (outcome: string): void => metrics.operation(name, outcome, (performance.now() - started) / 1000);
      try {
        const output = await core.execute(operation, input, caller, options);
        done('done');
        return output;
      } catch (thrown) {
        done(thrown instanceof EcolinkError ? thrown.code : 'unexpected');
        throw thrown;
      }
    },
  };
}
