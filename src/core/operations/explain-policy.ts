import { z } from 'zod';
import { run, say } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';

export const explainPolicy = defineQuery({
  name: 'explain_policy',
  title: 'Explain the policy',
  description:
    'Shows which rule of the policy would answer a call of yours now, and why the rules before it do not fit. It needs the same rights as the call, and does not run it.',
  group: 'approvals',
  effect: 'read',
  audited: true,
  role: 'viewer',
  frontEnds: ['cli', 'slack'],
  slack: { verb: 'launch', step: true },
  withoutServer: true,
  input: z.strictObject({
    operation: field(z.string().min(1).max(64), {
      label: 'Operation',
      help: say`Name of the operation, such as ${run('launch_instance')}.`,
      example: 'launch_instance',
      positional: true,
    }),
    input: field(z.string().max(20_000).default('{}'), {
      label: 'Input',
      help: 'The input of the operation, as JSON.',
      example: '{"model":"tiny-chat"}',
    }),
    agent: field(z.boolean().default(false), {
      label: 'Agent',
      help: 'Answers as if an agent of yours made the call.',
    }),
  }),
  output: z.object({
    operation: z.string(),
    answer: z.enum(['allow', 'deny', 'require']),
    rule: z.string(),
    reason: z.string().optional(),
    /** People who could approve it. */
    approvers: z.array(z.string()).optional(),
    quorum: z.int().optional(),
    ttl: z.string().optional(),
    /** True: the request must give a reason. */
    reason_required: z.boolean().optional(),
    /** The rules up to the one that answers, and why each fits or not. */
    considered: z.array(z.string()),
    summary: z.array(z.string()),
  }),
  examples: [{ operation: 'launch_instance', input: '{"model":"tiny-chat"}' }],
  handler: (input, { services, caller }) => services.approvals.explain(input, caller),
});
