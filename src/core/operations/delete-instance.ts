import { z } from 'zod';
import { previewDeleteInstance } from './previews/preview-others.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const deleteInstance = defineOperation({
  name: 'delete_instance',
  title: 'Delete an instance',
  description:
    'Removes a stopped or failed instance from the lists. Its number is never used again; cached weights stay until they are evicted.',
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
  preview: previewDeleteInstance,
  handler: (input, context) => context.services.launches.remove(input, context),
});
