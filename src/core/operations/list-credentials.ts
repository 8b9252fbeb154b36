import { z } from 'zod';
import { say, task } from '../base/prose.ts';
import { defineQuery } from './define.ts';
import { listOf, paging } from './shapes.ts';

export const listCredentials = defineQuery({
  name: 'list_credentials',
  title: 'List credentials',
  description: say`Lists your stored Hugging Face tokens and those shared with the team, never their values. To add one: ${task('add_credential')}.`,
  group: 'people',
  effect: 'read',
  audited: true,
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'credential' },
  withoutServer: true,
  input: z.strictObject({ ...paging }),
  output: listOf(
    z.object({
      credential: z.string(),
      owner: z.string(),
      /** The account of the token on the Hub. Not known for HF_TOKEN. */
      account: z.string().optional(),
      fingerprint: z.string(),
      shared: z.boolean(),
      state: z.enum(['ok', 'failing']),
      /** Models that download with it, and that the caller may see. */
      models: z.array(z.string()),
      last_used_at: z.string().optional(),
    }),
  ),
  columns: ['credential', 'owner', 'account', 'fingerprint', 'shared', 'state', 'last_used_at', 'models'],
  examples: [{}],
  handler: (input, { services, caller }) => services.credentials.list(input, caller),
});
