import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { modelField, modelShape } from './shapes.ts';

export const getModel = defineQuery({
  name: 'get_model',
  title: 'Get a model',
  description:
    'Shows one registered model in full: commit, files, size, licence, memory, and the instances that use it.',
  group: 'models',
  effect: 'read',
  role: 'viewer',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'models' },
  withoutServer: true,
  input: z.strictObject({ model: field(z.string().min(1), modelField) }),
  output: modelShape,
  examples: [{ model: 'qwen-small' }],
  handler: (input, { services, caller }) => services.registry.get(input.model, caller),
});
