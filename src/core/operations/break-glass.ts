import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const breakGlass = defineMutation({
  name: 'break_glass',
  title: 'Break glass',
  description:
    'Runs a pending approval request without its approvers, in an emergency. Only people that the configuration lists may do that. The reason is kept, and the approvers are told.',
  group: 'approvals',
  effect: 'write',
  role: 'member',
  decides: true,
  frontEnds: ['cli', 'slack'],
  slack: { verb: 'breakglass', confirm: true },
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
  prepare: (input, { services, caller }) => services.approvals.prepareBreakGlass(input, caller),
  committed: z.object({ id: z.int() }),
  commit: (vote, unit, { services }) => services.approvals.commitVote(vote, unit),
  respond: ({ id }, { services }) => services.approvals.view(id),
});
