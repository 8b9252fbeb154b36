import { z } from 'zod';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency, receipt } from './shapes.ts';

export const deleteCredential = defineMutation({
  name: 'delete_credential',
  title: 'Delete a credential',
  description:
    'Deletes a stored Hugging Face token. Refused while models need it for downloads. Only admins delete shared ones.',
  group: 'people',
  effect: 'destructive',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
  slack: { verb: 'credential delete' },
  withoutServer: true,
  input: z.strictObject({
    credential: field(z.string().min(1).max(100), {
      label: 'Credential',
      help: 'Name of a stored Hugging Face token.',
      example: 'hub-main',
      choices: { operation: 'list_credentials', value: 'credential' },
      positional: true,
    }),
    ...idempotency,
  }),
  output: receipt.pick({ state: true, approval: true, next_step: true }).extend({ credential: z.string().optional() }),
  examples: [{ credential: 'hub-main' }],
  prepare: (input, { services, caller }) => services.credentials.prepareRemoval(input.credential, caller),
  committed: z.object({ credential: z.string() }),
  commit: (removal, unit, { services }) => services.credentials.commitRemoval(removal, unit),
  respond: async ({ credential }) => ({
    credential,
    state: 'deleted',
    next_step: 'Revoke the token on the Hub too, if nothing else needs it.',
  }),
});
