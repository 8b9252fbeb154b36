import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { previewRemoval } from './previews/removal.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency, modelField, receipt } from './shapes.ts';

export const deleteModel = defineMutation({
  name: 'delete_model',
  title: 'Delete a model',
  description:
    'Takes a model out of the registry. Refused while an instance that is not stopped uses it. Cached weights, history and audit stay. The name can be used again.',
  group: 'models',
  effect: 'destructive',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'delete', confirm: true },
  withoutServer: true,
  input: z.strictObject({ model: field(z.string().min(1), modelField), ...idempotency }),
  output: receipt,
  examples: [{ model: 'qwen-small' }],
  prepare: (input, { services, caller }) => services.registry.prepareRemoval(input.model, caller),
  preview: previewRemoval,
  committed: z.object({ model: z.string() }),
  async commit(removal, unit, { services }) {
    await services.registry.commitRemoval(removal, unit);
    return { model: removal.model.name };
  },
  async respond({ model }) {
    const next = say`Its cached weights stay until they are evicted. ${run('list_cache')} shows them, ${run('evict_cache')} evicts them.`;
    return { model, state: 'deleted', next_step: next };
  },
});
