import { z } from 'zod';
import { previewDeleteModel } from './previews/preview-others.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, modelField, receipt } from './shapes.ts';

export const deleteModel = defineOperation({
  name: 'delete_model',
  title: 'Delete a model',
  description:
    'Takes a model out of the registry. Refused while an instance that is not stopped uses it. Cached weights stay until they are evicted; history and audit stay readable; the name can be used again.',
  effect: 'destructive',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: true,
  input: z.strictObject({ model: field(z.string().min(1), modelField), ...idempotency }),
  output: receipt,
  examples: [{ model: 'qwen-small' }],
  preview: previewDeleteModel,
  handler: (input, context) => context.services.registry.remove(input.model, context),
});
