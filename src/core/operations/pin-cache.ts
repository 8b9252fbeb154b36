import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { receipt } from './shapes.ts';
import { volumeFields } from './volume-fields.ts';

export const pinCache = defineOperation({
  name: 'pin_cache',
  title: 'Pin cached weights',
  description: 'Keeps cached weights from being evicted by a policy; --no-pinned lifts it.',
  effect: 'write',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  input: z.strictObject({
    ...volumeFields,
    pinned: field(z.boolean().default(true), { label: 'Pinned', help: 'False lifts the pin.', advanced: true }),
  }),
  output: receipt.extend({ volumes: z.array(z.string()) }),
  examples: [{ model: 'qwen-small' }],
  handler: (input, context) => context.services.cache.pin(input, context),
});
