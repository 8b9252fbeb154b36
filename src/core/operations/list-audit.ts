import { z } from 'zod';
import { defineQuery } from './define.ts';
import { field } from '../operation/operation.ts';
import { listOf, paging } from './shapes.ts';

const forAuditors = z.string().meta({ notForTools: true }).optional();

export const listAudit = defineQuery({
  name: 'list_audit',
  title: 'List audit events',
  description: 'Lists who called which operation and how the call ended, newest first.',
  group: 'oversight',
  effect: 'read',
  audited: true,
  role: 'approver',
  frontEnds: ['cli', 'mcp'],
  withoutServer: true,
  input: z.strictObject({
    actor: field(z.string().min(1).optional(), {
      label: 'Actor',
      help: 'Only calls of this person.',
      example: 'ada',
    }),
    operation: field(z.string().min(1).optional(), {
      label: 'Operation',
      help: 'Only calls of this operation.',
      example: 'launch_instance',
    }),
    since: field(z.iso.datetime({ offset: true }).optional(), {
      label: 'Since',
      help: 'Only events at or after this time (ISO 8601).',
      example: '2026-11-01T00:00:00Z',
    }),
    ...paging,
  }),
  output: listOf(
    z.object({
      number: z.int(),
      at: z.string(),
      event: z.enum(['opened', 'closed']),
      opened: z.int().optional(),
      request: z.string(),
      person: z.string(),
      identity: z.string(),
      agent: z.boolean(),
      source: z.string(),
      operation: z.string(),
      input: z.string().optional(),
      outcome: z.string().optional(),
      code: z.string().optional(),
      duration_ms: z.number().optional(),
      policy: z.string().optional(),
      approval: z.int().optional(),
      decisions: z.string().optional(),
      /** The sha256 of the policy that decided. */
      policy_hash: forAuditors,
      /** What the policy decided on, in JSON. */
      facts: forAuditors,
      /** The whole answer of the policy, in JSON. */
      verdict: forAuditors,
      /** True if it is about something private. Then only the caller and admins see its input. */
      private: z.boolean().optional(),
    }),
  ),
  columns: ['number', 'at', 'event', 'person', 'agent', 'source', 'operation', 'outcome', 'code'],
  examples: [{}, { operation: 'launch_instance' }],
  handler: (input, { services, caller }) => services.audit.list(input, caller),
});
