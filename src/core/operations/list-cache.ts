import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { volumeStates } from '../volumes/states.ts';
import { listOf, paging, progressShape } from './shapes.ts';

export const listCache = defineQuery({
  name: 'list_cache',
  title: 'List cached weights',
  description:
    'Lists the volumes of cached weights: commit, region, size, state, the instances that use them, and whether they are pinned.',
  group: 'regions',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp'],
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
      help: 'Reads every file and compares its hash. Takes as long as reading the weights.',
      brief: 'Reads every file and compares its hash.',
      advanced: true,
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
      verified: z.boolean().optional(),
      in_use_by: z.array(z.int()),
      pinned: z.boolean(),
      /** True if its storage class keeps the bytes (reclaimPolicy Retain), so an eviction frees nothing. Absent if not, or if EcoLink may not read it. */
      kept_after_eviction: z.boolean().optional(),
      last_used_at: z.string().optional(),
    }),
  ),
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
  handler: (input, { services, caller }) => services.cache.list(input, caller),
});
