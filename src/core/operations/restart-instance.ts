import { z } from 'zod';
import { fieldRef, say } from '../base/prose.ts';
import { previewRestart } from './previews/restart.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { committedChange, idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const restartInstance = defineMutation({
  name: 'restart_instance',
  title: 'Restart an instance',
  description: say`Starts an instance anew, stopped or not, from the image that it ran. With ${fieldRef('model')} it moves to another model and keeps its model id.`,
  group: 'instances',
  effect: 'write',
  mayDestroy: true,
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'restart', confirm: true },
  withoutServer: false,
  waitsFor: 'running',
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    model: field(z.string().min(1).optional(), {
      label: 'Model',
      help: 'Another registered model to serve from now on. The model id stays.',
      example: 'qwen-small-v2',
      choices: { operation: 'list_models', value: 'name' },
    }),
    plan_digest: field(z.string().max(100).optional(), {
      label: 'Plan digest',
      help: 'Accepts a changed folder: the digest from the error that refused the restart.',
      advanced: true,
    }),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3' }, { instance: '3', model: 'qwen-small-v2' }],
  prepare: (input, { services, caller, accepted }) => services.instances.prepareRestart(input, caller, accepted),
  preview: previewRestart,
  committed: committedChange,
  commit: (prepared, unit, { services }) => services.instances.commitRestart(prepared, unit),
  respond: (committed, { services, replayed }) => services.instances.receipt(committed, replayed),
});
