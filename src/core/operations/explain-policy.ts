import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';

export const explainPolicy = defineQuery({
  name: 'explain_policy',
  title: 'Explain the policy',
  description:
    'Shows which rule of the policy answers an operation if you called it now, and why none before it does. Nothing is asked for and nothing runs.',
  group: 'approvals',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli'],
  withoutServer: true,
  input: z.strictObject({
    operation: field(z.string().min(1).max(64), {
      label: 'Operation',
      help: 'Name of the operation.',
      example: 'launch_instance',
      positional: true,
    }),
    input: field(z.string().max(20_000).default('{}'), {
      label: 'Input',
      help: 'The input of the operation, as JSON.',
      example: '{"model":"tiny-chat"}',
    }),
    agent: field(z.boolean().default(false), { label: 'Agent', help: 'As if an agent of yours asked.' }),
  }),
  output: z.object({
    operation: z.string(),
    answer: z.enum(['allow', 'deny', 'require']),
    rule: z.string(),
    reason: z.string().optional(),
    /** Who could approve it for you. */
    approvers: z.array(z.string()).optional(),
    quorum: z.int().optional(),
    ttl: z.string().optional(),
    /** Every rule that was looked at, and why it does or does not fit. */
    considered: z.array(z.string()),
    summary: z.array(z.string()),
  }),
  examples: [{ operation: 'launch_instance', input: '{"model":"tiny-chat"}' }],
  handler: (input, { services, caller }) => services.approvals.explain(input, caller),
});
