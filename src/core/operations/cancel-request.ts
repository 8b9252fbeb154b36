import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const cancelRequest = defineOperation({
  name: 'cancel_request',
  title: 'Cancel a request',
  description: 'Takes back a request of yours that has not run yet.',
  effect: 'write',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500).optional(), {
      label: 'Reason',
      help: 'Why, for the record.',
      example: 'fits the budget',
    }),
    ...idempotency,
  }),
  output: approvalShape.pick({ id: true, state: true, next_step: true }),
  examples: [{ approval: '3' }],
  handler: (input, { services, caller }) => services.approvals.cancel(input, caller),
});
