import { z } from 'zod';
import { previewEvict } from './previews/preview-others.ts';
import { defineOperation } from '../operation/operation.ts';
import { receipt } from './shapes.ts';
import { volumeFields } from './volume-fields.ts';

export const evictCache = defineOperation({
  name: 'evict_cache',
  title: 'Evict cached weights',
  description:
    'Deletes cached weights that nothing uses and says how many bytes that freed. Refused while a download runs on them or an instance that is not stopped needs them.',
  effect: 'destructive',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  input: z.strictObject(volumeFields),
  output: receipt.extend({
    /** Absent where nobody knows: a region of Kubernetes cannot look into a volume that was never complete. */
    freed_bytes: z.number().optional(),
    volumes: z.array(z.string()),
  }),
  examples: [{ model: 'qwen-small' }, { volume: 'v-3f2a9c1b7d4e' }],
  preview: previewEvict,
  handler: (input, context) => context.services.cache.evict(input, context),
});
