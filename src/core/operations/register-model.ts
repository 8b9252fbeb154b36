import { z } from 'zod';
import { previewRegister } from './previews/preview-others.ts';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, receipt } from './shapes.ts';
import { sourceFields } from './source-fields.ts';

export const registerModel = defineOperation({
  name: 'register_model',
  title: 'Register a model',
  description:
    'Saves a model in the registry under a name that becomes the prefix of its id in API calls. The entry never changes: another revision or folder is another entry. Nothing is downloaded until a launch.',
  effect: 'write',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: true,
  input: z.strictObject({
    name: field(z.string().min(1).max(48), {
      label: 'Name',
      help: 'Prefix of the model id in API calls: 1 to 48 lower-case letters, digits, ".", "_" and "-", a letter or digit at both ends.',
      example: 'tiny-chat',
      positional: true,
    }),
    ...sourceFields,
    ...idempotency,
  }),
  output: receipt,
  examples: [
    { name: 'qwen-small', source: 'huggingface', repo: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF', category: 'chat' },
    {
      name: 'my-model',
      source: 'filesystem',
      filesystem: 'shared-models',
      subfolder: 'teams/nlp/my-model',
      category: 'chat',
    },
  ],
  preview: previewRegister,
  handler: (input, context) => context.services.registry.register(input, context),
});
