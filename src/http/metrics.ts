import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { GatewayObserver } from '../gateway/gateway.ts';

export interface Metrics {
  registry: Registry;
  gateway: GatewayObserver;
  operation(name: string, outcome: string, seconds: number): void;
}

/** One registry per server, so that two servers in one process (tests) do not count each other's work. */
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
    help: 'Duration of operations, with the wait for a change of state.',
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
    help: 'Calls that a replica is answering now.',
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
