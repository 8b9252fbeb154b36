import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const approveRequest = defineMutation({
  name: 'approve_request',
  title: 'Approve an approval request',
  description:
    'Approves a pending approval request. With the last approval that it needs, the operation runs by itself. Only people decide, and never on requests of their own or of their agents.',
  group: 'approvals',
  effect: 'write',
  role: 'member',
  decides: true,
  frontEnds: ['cli', 'slack'],
  slack: { button: 'Approve' },
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500).optional(), {
      label: 'Reason',
      help: 'Why. It is kept. Some rules require one.',
      example: 'fits the budget',
    }),
    ...idempotency,
  }),
  output: approvalShape,
  examples: [{ approval: '3' }],
  prepare: (input, { services, caller }) => services.approvals.prepareApprove(input, caller),
  committed: z.object({ id: z.int() }),
  commit: (vote, unit, { services }) => services.approvals.commitVote(vote, unit),
  respond: ({ id }, { services }) => services.approvals.view(id),
});
