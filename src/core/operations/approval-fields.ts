import { z } from 'zod';
import { assurances } from '../base/caller.ts';
import { proseSchema } from '../base/prose.ts';
import { approvalStates } from '../approvals/states.ts';
import { field } from '../operation/operation.ts';

export const approvalField = field(
  z.coerce.string().regex(/^[1-9][0-9]{0,8}$/, 'must be the number of an approval request'),
  {
    label: 'Approval request',
    help: 'Number of the approval request.',
    example: '3',
    choices: { operation: 'list_approvals', value: 'id', label: 'what' },
    positional: true,
  },
);

export const approvalSummary = z.object({
  id: z.int(),
  state: z.enum(approvalStates),
  operation: z.string(),
  /** One line for people. */
  what: z.string(),
  requester: z.string(),
  agent: z.boolean(),
  asked_at: z.string(),
  expires_at: z.string(),
});

export const approvalShape = approvalSummary.extend({
  summary: z.array(z.string()),
  /** The frozen input as JSON. */
  input: z.string(),
  digest: z.string(),
  rule: z.string(),
  identity: z.string(),
  /** People who may decide now. */
  approvers: z.array(z.string()),
  quorum: z.int(),
  /** How approvals must be made to count. Absent: in any way. */
  assurance: z.array(z.enum(assurances)).optional(),
  /** How many approvals it still needs. */
  missing: z.int(),
  votes: z.array(
    z.object({
      person: z.string(),
      vote: z.enum(['approve', 'deny', 'break_glass']),
      at: z.string(),
      /** False if the person may not decide any more, or the way of voting does not count. */
      counts: z.boolean(),
      reason: z.string().optional(),
      /** How it was made. Absent for votes of older versions. */
      assurance: z.enum(assurances).optional(),
    }),
  ),
  broken_glass: z.boolean(),
  private: z.boolean(),
  decided_by: z.string().optional(),
  decided_at: z.string().optional(),
  reason: z.object({ code: z.string(), message: z.string() }).optional(),
  instance: z.int().optional(),
  model: z.string().optional(),
  model_id: z.string().optional(),
  /** Address of the message where people decide. */
  url: z.string().optional(),
  /** True if it cannot change any more. */
  settled: z.boolean(),
  next_step: proseSchema,
});
