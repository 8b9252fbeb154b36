import { z } from 'zod';
import { defineOperation } from '../operation/operation.ts';
import { listOf, paging } from './shapes.ts';

export const listFilesystems = defineOperation({
  name: 'list_filesystems',
  title: 'List filesystems',
  description: 'Lists the shared filesystems that models can be registered from; each lives in one region.',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
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
