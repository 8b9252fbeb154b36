import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const approveRequest = defineMutation({
  name: 'approve_request',
  title: 'Approve a request',
  description:
    'Counts your yes to a request that waits for approval. With the last one that is needed it runs by itself. Only people decide, and never on what they or their agents asked for.',
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
      help: 'Why, for the record; some rules want one.',
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
