import { z } from 'zod';
import { fieldRef, say } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { approvalField, approvalShape } from './approval-fields.ts';
import { waitSeconds } from './shapes.ts';

export const getApproval = defineQuery({
  name: 'get_approval',
  title: 'Get an approval',
  description: say`Shows one approval request: what would run, who may decide, the votes, and the result. With ${fieldRef('wait_seconds')} it waits for the next change of state.`,
  group: 'approvals',
  effect: 'read',
  role: 'viewer',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'approvals' },
  withoutServer: true,
  input: z.strictObject({ approval: approvalField, wait_seconds: waitSeconds }),
  output: approvalShape,
  examples: [{ approval: '3' }, { approval: '3', wait_seconds: 25 }],
  handler: (input, { services, caller, signal }) =>
    services.approvals.get(input.approval, caller, input.wait_seconds, signal),
});
