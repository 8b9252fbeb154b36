import { performance } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
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
