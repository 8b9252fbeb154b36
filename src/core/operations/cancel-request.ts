import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const cancelRequest = defineMutation({
  name: 'cancel_request',
  title: 'Cancel an approval request',
  description: 'Cancels an approval request of yours that has not run yet.',
  group: 'approvals',
  effect: 'write',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'cancel', confirm: true },
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500).optional(), {
      label: 'Reason',
      help: 'Why. It is kept.',
      example: 'no longer needed',
    }),
    ...idempotency,
  }),
  output: approvalShape.pick({ id: true, state: true, next_step: true }),
  examples: [{ approval: '3' }],
  prepare: (input, { services, caller }) => services.approvals.prepareCancel(input, caller),
  committed: z.object({ id: z.int() }),
  commit: (vote, unit, { services }) => services.approvals.commitVote(vote, unit),
  respond: ({ id }, { services }) => services.approvals.view(id),
});
