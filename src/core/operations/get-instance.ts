import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { instanceField, instanceReference, instanceShape, waitSeconds } from './shapes.ts';

export const getInstance = defineOperation({
  name: 'get_instance',
  title: 'Get an instance',
  description:
    'Shows one instance: state as a whole and per region, replicas, progress, image, the reason of a failure. With wait_seconds it waits for the next change of state.',
  effect: 'read',
  role: 'viewer',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: true,
  input: z.strictObject({ instance: field(instanceReference, instanceField), wait_seconds: waitSeconds }),
  output: instanceShape,
  examples: [{ instance: '3' }, { instance: 'qwen-small:3', wait_seconds: 30 }],
  handler: (input, { services, caller, signal }) =>
    services.launches.get(input.instance, caller, input.wait_seconds, signal),
});
