import { z } from 'zod';
import { defineQuery } from './define.ts';
import { listOf, paging } from './shapes.ts';

export const listRegions = defineQuery({
  name: 'list_regions',
  title: 'List regions',
  description:
    'Lists the regions that run instances: reachability, accelerators, storage, runtimes, missing permissions.',
  group: 'regions',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'regions' },
  withoutServer: true,
  input: z.strictObject({ ...paging }),
  output: listOf(
    z.object({
      name: z.string(),
      kind: z.string().describe('Such as local or kubernetes.'),
      reachable: z.boolean(),
      version: z.string().optional(),
      reason: z.string().optional(),
      accelerators: z.array(
        z.object({
          name: z.string(),
          total: z.int().nullable(),
          free: z.int().nullable().describe('Not in use now. Null if EcoLink may not read it.'),
          price_per_hour: z.number().nullable(),
        }),
      ),
      storage_free_bytes: z.number().nullable(),
      storage_class: z.string().optional(),
      missing_permissions: z.array(z.string()),
      runtimes: z.array(z.string()),
    }),
  ),
  columns: ['name', 'kind', 'reachable', 'runtimes', 'storage_free_bytes', 'reason'],
  examples: [{}],
  handler: (input, { services }) => services.fleet.listRegions(input),
});
