import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { volumeStates } from '../volumes/states.ts';
import { listOf, paging, progressShape } from './shapes.ts';

export const listCache = defineQuery({
  name: 'list_cache',
  title: 'List cached weights',
  description: 'Lists the volumes: which commit lies in which region, how large, in use or not, pinned or not.',
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
      help: 'Reads every file again and compares its hash. Takes as long as reading the weights.',
      brief: 'Reads every file again and compares its hash.',
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
      /** Asked for, and every byte read and found right. */
      verified: z.boolean().optional(),
      in_use_by: z.array(z.int()),
      pinned: z.boolean(),
      /** Its storage class keeps the bytes (reclaimPolicy Retain): an eviction frees nothing. Absent where it does not, or nobody may know. */
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
