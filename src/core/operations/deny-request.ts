import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const denyRequest = defineOperation({
  name: 'deny_request',
  title: 'Deny a request',
  description: 'Ends a request that waits for approval: one no is enough, and it needs a reason. Only people decide.',
  effect: 'write',
  role: 'member',
  decides: true,
  frontEnds: ['cli', 'slack'],
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500), {
      label: 'Reason',
      help: 'Why not: the requester reads it.',
      example: 'too dear for a demo',
    }),
    ...idempotency,
  }),
  output: approvalShape,
  examples: [{ approval: '3', reason: 'too dear for a demo' }],
  handler: (input, { services, caller }) => services.approvals.deny(input, caller),
});
