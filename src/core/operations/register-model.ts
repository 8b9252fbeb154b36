import { z } from 'zod';
import { run, runNext, say } from '../base/prose.ts';
import { previewRegistration } from './previews/registration.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency, receipt } from './shapes.ts';
import { sourceFields } from './source-fields.ts';

export const registerModel = defineMutation({
  name: 'register_model',
  title: 'Register a model',
  description: say`Saves a model in the registry. Its name becomes the prefix of its id in API calls. A registered model never changes: register another revision or folder under another name. Nothing is downloaded before ${run('launch_instance')} or ${run('prefetch_model')}.`,
  group: 'models',
  effect: 'write',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'register', form: true },
  withoutServer: true,
  input: z.strictObject({
    name: field(z.string().min(1).max(48), {
      label: 'Name',
      help: 'Prefix of the model id in API calls: 1 to 48 lower-case letters, digits, ".", "_" and "-", with a letter or digit at both ends.',
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
  prepare: (input, { services, caller }) => services.registry.prepareRegistration(input, caller),
  preview: previewRegistration,
  committed: z.object({ model: z.string() }),
  async commit(registration, unit, { services }) {
    await services.registry.commitRegistration(registration, unit);
    return { model: registration.model.name };
  },
  async respond({ model }, { services, caller }) {
    const left_out = await services.registry.leftOutOf(model, caller);
    if (left_out !== undefined) {
      const next = say`Launch it: ${run('launch_instance', { model })}. Before that, ${runNext('plan_launch', { model })} shows what it would do.`;
      return { model, state: 'registered', left_out, next_step: next };
    }
    const next = 'It was deleted since. Register it again with a new idempotency key.';
    return { model, state: 'deleted', next_step: next };
  },
});
