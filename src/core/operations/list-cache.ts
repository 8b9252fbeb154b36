import { z } from 'zod';
import { proseSchema, run, say } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { volumeStates } from '../volumes/states.ts';
import { listOf, paging, progressShape } from './shapes.ts';
import { verifyCache } from './verify-cache.ts';

export const listCache = defineQuery({
  name: 'list_cache',
  title: 'List cached weights',
  description:
    'Lists the volumes of cached weights: commit, region, size, state, the instances that use them, and whether they are pinned.',
  group: 'regions',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'cache' },
  withoutServer: false,
  input: z.strictObject({
    region: field(z.string().min(1).optional(), {
      label: 'Region',
      help: 'Only this region.',
      example: 'local',
      choices: { operation: 'list_regions', value: 'name' },
    }),
    verify: field(z.boolean().default(false), {
      label: 'Verify',
      help: say`Verifies the complete volumes of the page first, as ${run('verify_cache')} does and with its rights.`,
      advanced: true,
      notForTools: true,
    }),
    ...paging,
  }),
  output: listOf(
    z.object({
      volume: z.string(),
      region: z.string(),
      repo: z.string(),
      commit: z.string(),
      state: z.enum(volumeStates),
      bytes: z.number(),
      progress: progressShape.optional(),
      reason: z.object({ code: z.string(), message: z.string() }).optional(),
      /** True if `verify` was given, and every file has the right hash. */
      verified: z.boolean().meta({ notForTools: true }).optional(),
      in_use_by: z.array(z.int()),
      pinned: z.boolean(),
      /** True if its storage class keeps the bytes (reclaimPolicy Retain), so an eviction frees nothing. Absent if not, or if EcoLink may not read it. */
      kept_after_eviction: z.boolean().optional(),
      last_used_at: z.string().optional(),
    }),
  ).extend({
    /** With `verify`: how it ended, or that it waits for approval. */
    verification: proseSchema.meta({ notForTools: true }).optional(),
  }),
  columns: [
    'volume',
    'region',
    'repo',
    'commit',
    'state',
    'bytes',
    'progress',
    'verified',
    'in_use_by',
    'pinned',
    'kept_after_eviction',
    'last_used_at',
    'reason',
  ],
  examples: [{}, { region: 'local' }],
  async first({ verify, ...page }, { services, caller }) {
    const volumes = verify ? await services.cache.completeOnPage(page, caller) : [];
    return volumes.length === 0 ? undefined : { operation: 'verify_cache', input: { volumes } };
  },
  async handler({ verify: _verify, ...page }, { services, caller, first }) {
    const done = first && verifyCache.output.parse(first);
    const list = await services.cache.list(page, caller, new Set(done?.verified));
    return { ...list, verification: done?.next_step };
  },
});
