import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const approveRequest = defineOperation({
  name: 'approve_request',
  title: 'Approve a request',
  description:
    'Counts your yes to a request that waits for approval. With the last one that is needed it runs by itself. Only people decide, and never on what they or their agents asked for.',
  effect: 'write',
  role: 'member',
  decides: true,
  frontEnds: ['cli', 'slack'],
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500).optional(), {
      label: 'Reason',
      help: 'Why, for the record; some rules want one.',
      example: 'fits the budget',
    }),
    ...idempotency,
  }),
  output: approvalShape,
  examples: [{ approval: '3' }],
  handler: (input, { services, caller }) => services.approvals.approve(input, caller),
});
