import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const breakGlass = defineOperation({
  name: 'break_glass',
  title: 'Break glass',
  description:
    'Runs a waiting request without its approvers. For people whom the configuration lists, in an emergency; the reason is kept and everybody is told.',
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
      help: 'What the emergency is.',
      example: 'production is down',
    }),
    ...idempotency,
  }),
  output: approvalShape,
  examples: [{ approval: '3', reason: 'production is down' }],
  handler: (input, { services, caller }) => services.approvals.breakGlass(input, caller),
});
