import { z } from 'zod';
import { approvalStates } from '../approvals/states.ts';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalSummary } from './approval-fields.ts';
import { listOf, paging } from './shapes.ts';

export const listApprovals = defineQuery({
  name: 'list_approvals',
  title: 'List approval requests',
  description:
    'Lists approval requests, newest first: those that wait for a decision, and the results of earlier ones.',
  group: 'approvals',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'approvals' },
  withoutServer: true,
  input: z.strictObject({
    state: field(z.enum(approvalStates).optional(), { label: 'State', help: 'Only approval requests in this state.' }),
    ...paging,
  }),
  output: listOf(approvalSummary),
  columns: ['id', 'state', 'what', 'requester', 'agent', 'asked_at', 'expires_at'],
  examples: [{}, { state: 'pending' }],
  handler: (input, { services, caller }) => services.approvals.list(input, caller),
});
