import { z } from 'zod';
import { fieldRef, say } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { instanceField, instanceReference, instanceShape, waitSeconds } from './shapes.ts';

export const getInstance = defineQuery({
  name: 'get_instance',
  title: 'Get an instance',
  description: say`Shows one instance: its state in all and per region, replicas, progress, image, the reason of a failure. With ${fieldRef('wait_seconds')} it waits for the next change of state.`,
  group: 'instances',
  effect: 'read',
  role: 'viewer',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'status' },
  withoutServer: true,
  input: z.strictObject({ instance: field(instanceReference, instanceField), wait_seconds: waitSeconds }),
  output: instanceShape,
  examples: [{ instance: '3' }, { instance: 'qwen-small:3', wait_seconds: 25 }],
  handler: (input, { services, caller, signal }) =>
    services.instances.get(input.instance, caller, input.wait_seconds, signal),
});
