import { z } from 'zod';
import { previewScale } from './previews/preview-launch.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const scaleInstance = defineOperation({
  name: 'scale_instance',
  title: 'Scale an instance',
  description: 'Changes how many replicas of an instance run in each of its regions.',
  effect: 'write',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    replicas: field(z.int().min(1).max(100), {
      label: 'Replicas',
      help: 'How many replicas run in each region from now on.',
      example: '2',
    }),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3', replicas: 2 }],
  preview: previewScale,
  handler: (input, context) => context.services.launches.scale(input, context),
});
