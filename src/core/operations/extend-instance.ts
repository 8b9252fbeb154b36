import { z } from 'zod';
import { previewExtension } from './previews/extension.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { durationSchema } from '../base/duration.ts';
import { committedChange, idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const extendInstance = defineMutation({
  name: 'extend_instance',
  title: 'Extend an instance',
  description:
    'Sets the time after which an instance stops by itself, counted from now. Use it to give an instance more time, or to give it an end. The instance goes on running.',
  group: 'instances',
  effect: 'write',
  mayDestroy: true,
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'slack'],
  slack: { verb: 'extend', form: true },
  withoutServer: false,
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    stop_after: field(durationSchema, {
      label: 'Stop after',
      help: 'How long it runs from now on: 90m, 8h, 2d.',
      example: '8h',
    }),
    reason: field(z.string().max(500).optional(), {
      label: 'Reason',
      help: 'Why it is needed, for approvers and the audit.',
      example: 'the demo moved to Monday',
    }),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3', stop_after: '8h' }],
  prepare: (input, { services, caller }) => services.instances.prepareExtension(input, caller),
  preview: previewExtension,
  committed: committedChange,
  commit: (prepared, unit, { services }) => services.instances.commitExtension(prepared, unit),
  respond: (committed, { services, replayed }) => services.instances.receipt(committed, replayed),
});
