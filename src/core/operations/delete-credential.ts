import { z } from 'zod';
import { defineOperation, field } from '../operation/operation.ts';
import { idempotency, receipt } from './shapes.ts';

export const deleteCredential = defineOperation({
  name: 'delete_credential',
  title: 'Delete a credential',
  description:
    'Deletes a stored Hugging Face token. Refused while models download with it; admins delete shared ones too.',
  effect: 'destructive',
  role: 'member',
  frontEnds: ['cli', 'mcp', 'slack'],
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
  handler: (input, context) => context.services.credentials.remove(input.credential, context),
});
