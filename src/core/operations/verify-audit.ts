import { z } from 'zod';
import { field } from '../operation/operation.ts';
import { defineQuery } from './define.ts';

export const verifyAudit = defineQuery({
  name: 'verify_audit',
  title: 'Verify the audit log',
  description:
    'Reads the whole audit log and says whether every row is there, in order and unchanged. It compares the log with the heads that are stored outside the database.',
  group: 'oversight',
  effect: 'read',
  audited: true,
  role: 'admin',
  frontEnds: ['cli'],
  withoutServer: true,
  input: z.strictObject({
    replay: field(z.boolean().default(false), {
      label: 'Replay',
      help: 'Also recomputes every verdict of the policy from the facts and the rules that are stored with it.',
    }),
  }),
  output: z.object({
    holds: z.boolean(),
    rows: z.int(),
    findings: z.array(z.string()),
    /** With `replay`: how many verdicts were recomputed. */
    replayed: z.int().optional(),
    /** With `replay`: verdicts without stored facts or rules, such as those of older versions. */
    not_replayable: z.int().optional(),
  }),
  examples: [{}, { replay: true }],
  async handler({ replay }, { services }) {
    const { rows, findings, replayed, notReplayable } = await services.audit.verify({ replay });
    return { holds: findings.length === 0, rows, findings, replayed, not_replayable: notReplayable };
  },
});
