import { z } from 'zod';
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
  input: z.strictObject({}),
  output: z.object({ holds: z.boolean(), rows: z.int(), findings: z.array(z.string()) }),
  examples: [{}],
  async handler(_input, { services }) {
    const verdict = await services.audit.verify();
    return { holds: verdict.findings.length === 0, ...verdict };
  },
});
