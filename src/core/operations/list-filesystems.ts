import { z } from 'zod';
import { defineQuery } from './define.ts';
import { listOf, paging } from './shapes.ts';

export const listFilesystems = defineQuery({
  name: 'list_filesystems',
  title: 'List filesystems',
  description: 'Lists the shared filesystems from which models can be registered. Each belongs to one region.',
  group: 'regions',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { menu: true },
  withoutServer: true,
  input: z.strictObject({ ...paging }),
  output: listOf(
    z.object({
      name: z.string(),
      region: z.string(),
      mount_path: z.string(),
      state: z.enum(['usable', 'unusable', 'unknown']),
      reason: z.string().optional(),
    }),
  ),
  columns: ['name', 'region', 'mount_path', 'state', 'reason'],
  examples: [{}],
  handler: (input, { services }) => services.fleet.listFilesystems(input),
});
