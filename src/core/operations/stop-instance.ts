import { z } from 'zod';
import { previewStop } from './previews/preview-others.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const stopInstance = defineOperation({
  name: 'stop_instance',
  title: 'Stop an instance',
  description:
    'Ends every replica of an instance and frees its accelerators. Its cached weights stay; restart_instance brings it back under the same model id.',
  effect: 'destructive',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  input: z.strictObject({
    instance: field(instanceReference, instanceField),

    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3' }],
  preview: previewStop,
  handler: (input, context) => context.services.launches.stop(input, context),
});
