import type { OutputOf } from '../../src/core/operations/catalogue.ts';

export type Region = OutputOf<'list_regions'>['items'][number];
export type Plan = OutputOf<'plan_launch'>;

/** A region with accelerators, for views. */
export function aRegion(name: string, more: Partial<Region> = {}): Region {
  return {
    name,
    kind: 'kubernetes',
    reachable: true,
    accelerators: [{ name: 'h100', total: 8, free: 3, price_per_hour: 2.9 }],
    storage_free_bytes: 4e12,
    missing_permissions: [],
    runtimes: ['vllm', 'sglang'],
    ...more,
  };
}

/** A plan of one region, for views. */
export function aPlan(more: Partial<Plan> = {}): Plan {
  return {
    model: 'llama-70b',
    regions: [
      {
        region: 'eu-west',
        volume: { state: 'miss', bytes_to_fetch: 140e9 },
        replicas: 1,
        runtime: 'vllm',
        arguments: [],
        accelerator: 'h100',
        accelerator_count: 8,
        memory_bytes: 1,
        context_length: 131_072,
        cost_per_hour: 23.2,
        estimated_seconds: 240,
        estimated_seconds_p90: 540,
        estimate_basis: 'history',
      },
    ],
    failover: false,
    cost_per_hour: 23.2,
    bytes_to_fetch: 140e9,
    warnings: [],
    fits: [
      {
        region: 'eu-west',
        runtime: 'vllm',
        accelerator: 'h100',
        count: 2,
        context_length: 16_384,
        free: 3,
        cost_per_hour: 5.8,
      },
      {
        region: 'eu-west',
        runtime: 'vllm',
        accelerator: 'h100',
        count: 4,
        context_length: 131_072,
        free: 3,
        cost_per_hour: 11.6,
      },
    ],
    left_out: [],
    changes: [],
    digest: 'sha256:abc',
    ...more,
  };
}
