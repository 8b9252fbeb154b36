import { z } from 'zod';
import { run, runNext, say } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
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
  async handler(input, { services, caller }) {
    const model = await services.registry.get(input.model, caller);
    return { ...model, next_step: afterModel(model) };
  },
});

interface Used {
  name: string;
  instances: readonly { id: number; state: string }[];
}

function afterModel({ name, instances }: Used): Prose {
  const running = instances.find(({ state }) => state !== 'failed' && state !== 'stopped' && state !== 'stopping');
  if (!running) return say`See what a launch would do: ${runNext('plan_launch', { model: name })}.`;
  return say`Instance ${running.id} serves it: ${runNext('get_instance', { instance: running.id })}. ${run('plan_launch', { model: name })} shows what a second one would do.`;
}
