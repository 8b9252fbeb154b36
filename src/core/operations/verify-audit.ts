import { z } from 'zod';
import { defineOperation } from '../operation/operation.ts';

export const verifyAudit = defineOperation({
  name: 'verify_audit',
  title: 'Verify the audit',
  description:
    'Reads the whole audit and says whether every row is there, in order and unchanged, against the heads that were kept outside the database.',
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
