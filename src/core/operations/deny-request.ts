import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { idempotency } from './shapes.ts';

export const denyRequest = defineMutation({
  name: 'deny_request',
  title: 'Deny an approval request',
  description: 'Denies a pending approval request. One denial ends it, and needs a reason. Only people decide.',
  group: 'approvals',
  effect: 'write',
  role: 'member',
  decides: true,
  frontEnds: ['cli', 'slack'],
  slack: { button: 'Deny…' },
  withoutServer: false,
  neverHeldBack: true,
  input: z.strictObject({
    approval: approvalField,
    reason: field(z.string().min(1).max(500), {
      label: 'Reason',
      help: 'Why not. The requester reads it.',
      example: 'too dear for a demo',
    }),
    ...idempotency,
  }),
  output: approvalShape,
  examples: [{ approval: '3', reason: 'too dear for a demo' }],
  prepare: (input, { services, caller }) => services.approvals.prepareDeny(input, caller),
  committed: z.object({ id: z.int() }),
  commit: (vote, unit, { services }) => services.approvals.commitVote(vote, unit),
  respond: ({ id }, { services }) => services.approvals.view(id),
});
