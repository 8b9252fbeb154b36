import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { previewEnd } from './previews/end.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { committedChange, idempotency, instanceField, instanceReference, receipt } from './shapes.ts';

export const deleteInstance = defineMutation({
  name: 'delete_instance',
  title: 'Delete an instance',
  description: say`Removes a stopped or failed instance from the lists. Its number is never used again. Cached weights stay until ${run('evict_cache')} or a policy evicts them.`,
  group: 'instances',
  effect: 'destructive',
  role: 'member',
  others: 'admin',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'delete', confirm: true },
  withoutServer: false,
  input: z.strictObject({
    instance: field(instanceReference, instanceField),
    ...idempotency,
  }),
  output: receipt,
  examples: [{ instance: '3' }],
  prepare: (input, { services, caller }) => services.instances.prepareEnd(input.instance, 'delete', caller),
  preview: previewEnd,
  committed: committedChange,
  commit: (prepared, unit, { services }) => services.instances.commitEnd(prepared, unit),
  respond: (committed, { services, replayed }) => services.instances.receipt(committed, replayed),
});
