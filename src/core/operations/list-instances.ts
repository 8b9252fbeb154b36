import { z } from 'zod';
import { instanceStates } from '../instances/states.ts';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { instanceSummary, listOf, modelField, paging } from './shapes.ts';

export const listInstances = defineQuery({
  name: 'list_instances',
  title: 'List instances',
  description: 'Lists instances, newest first, with their state and how many replicas are ready.',
  group: 'instances',
  effect: 'read',
  role: 'viewer',
  others: 'visible',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'instances' },
  withoutServer: true,
  input: z.strictObject({
    state: field(z.enum(instanceStates).optional(), {
      label: 'State',
      help: 'Only instances in this state.',
      example: 'running',
    }),
    model: field(z.string().min(1).optional(), {
      ...modelField,
      help: 'Only instances of this model.',
      positional: false,
    }),
    ...paging,
  }),
  output: listOf(instanceSummary),
  columns: ['id', 'model_id', 'state', 'failure_code', 'regions', 'ready', 'replicas', 'owner', 'created_at'],
  examples: [{}, { state: 'running' }],
  handler: (input, { services, caller }) => services.instances.list(input, caller),
});
