import { z } from 'zod';
import { previewPrefetch } from './previews/preview-others.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, modelField, receipt, regionsField } from './shapes.ts';

export const prefetchModel = defineOperation({
  name: 'prefetch_model',
  title: 'Prefetch a model',
  description:
    'Fetches the weights of a model into regions ahead of a launch, so that the launch finds them there. list_cache follows it.',
  effect: 'write',
  role: 'member',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  input: z.strictObject({
    model: field(z.string().min(1), modelField),
    regions: field(z.array(z.string().min(1)).min(1).max(20).optional(), regionsField),
    ...idempotency,
  }),
  output: receipt.extend({ volumes: z.array(z.object({ volume: z.string(), region: z.string(), state: z.string() })) }),
  examples: [{ model: 'qwen-small', regions: ['local'] }],
  preview: previewPrefetch,
  handler: (input, context) => context.services.cache.prefetch(input, context),
});
