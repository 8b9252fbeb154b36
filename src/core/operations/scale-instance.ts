import { z } from 'zod';
import { previewScale } from './previews/scale.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { committedChange, idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const scaleInstance = defineMutation({
  name: 'scale_instance',
  title: 'Scale an instance',
  description: 'Changes how many replicas of an instance run in each of its regions.',
  group: 'instances',
  effect: 'write',
  mayDestroy: true,
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'scale', form: true },
  withoutServer: false,
  waitsFor: 'running',
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    replicas: field(z.int().min(1).max(100), {
      label: 'Replicas',
      help: 'How many replicas run in each region.',
      example: '2',
    }),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3', replicas: 2 }],
  prepare: (input, { services, caller }) => services.instances.prepareScale(input, caller),
  preview: previewScale,
  committed: committedChange,
  commit: (prepared, unit, { services }) => services.instances.commitScale(prepared, unit),
  respond: (committed, { services, replayed }) => services.instances.receipt(committed, replayed),
});
