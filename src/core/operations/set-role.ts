import { z } from 'zod';
import { proseSchema } from '../base/prose.ts';
import { roles } from '../base/caller.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency } from './shapes.ts';

/** `decides`: who gives the role of an approver decides on what is approved, so no agent does and no plain token. */
export const setRole = defineMutation({
  name: 'set_role',
  title: 'Set a role',
  description:
    'Gives somebody a role, or takes it away with "none"; their tokens and agents follow at once. What ecolink.yaml says of a person wins.',
  group: 'people',
  effect: 'write',
  role: 'admin',
  decides: true,
  frontEnds: ['cli', 'slack'],
  slack: { verb: 'role' },
  withoutServer: true,
  neverHeldBack: true,
  input: z.strictObject({
    person: field(
      z
        .string()
        .min(1)
        .max(200)
        .regex(/^(?!slack:)|^slack:[A-Z0-9]+\/[A-Z0-9]+$/, 'must be a name, or an account such as slack:T0123/U0456'),
      {
        label: 'Person',
        help: 'Their name, or their account in Slack where they are new.',
        example: 'slack:T0123/U0456',
        choices: { operation: 'list_people', value: 'person' },
        positional: true,
      },
    ),
    role: field(z.enum([...roles, 'none']), {
      label: 'Role',
      help: 'What they may do from now on.',
      example: 'member',
    }),
    name: field(z.string().min(1).max(100).optional(), {
      label: 'Name',
      help: 'How somebody who is new is shown.',
      example: 'ada',
      advanced: true,
    }),
    ...idempotency,
  }),
  output: z.object({
    person: z.string(),
    role: z.enum([...roles, 'none']),
    state: z.enum(['changed', 'unchanged']),
    next_step: proseSchema,
  }),
  examples: [
    { person: 'slack:T0123/U0456', role: 'member', name: 'ada' },
    { person: 'ada', role: 'none' },
  ],
  prepare: (input, { services, caller }) => services.roles.prepareChange(input, caller),
  committed: z.object({
    person: z.string(),
    role: z.enum([...roles, 'none']),
    state: z.enum(['changed', 'unchanged']),
  }),
  commit: (change, unit, { services }) => services.roles.commitChange(change, unit),
  respond: async (changed) => ({
    ...changed,
    next_step:
      changed.role === 'none'
        ? `${changed.person} has no role any more. Their tokens and agents stop too. Admins see what they own.`
        : `${changed.person} has the role "${changed.role}" from the next call on, and so have their tokens and agents.`,
  }),
});
