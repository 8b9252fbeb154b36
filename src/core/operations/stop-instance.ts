import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { previewEnd } from './previews/end.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { committedChange, idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const stopInstance = defineMutation({
  name: 'stop_instance',
  title: 'Stop an instance',
  description: say`Ends every replica of an instance and frees its accelerators. Its cached weights stay. ${run('restart_instance')} brings it back under the same model id.`,
  group: 'instances',
  effect: 'destructive',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'stop', confirm: true },
  withoutServer: false,
  waitsFor: 'stopped',
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3' }],
  prepare: (input, { services, caller }) => services.instances.prepareEnd(input.instance, 'stop', caller),
  preview: previewEnd,
  committed: committedChange,
  commit: (prepared, unit, { services }) => services.instances.commitEnd(prepared, unit),
  respond: (committed, { services, replayed }) => services.instances.receipt(committed, replayed),
});
