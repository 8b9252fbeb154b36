import { z } from 'zod';
import { proseSchema } from '../base/prose.ts';
import { roles } from '../base/caller.ts';
import { defineMutation } from './define.ts';
import { field } from '../operation/operation.ts';
import { idempotency } from './shapes.ts';

/** `decides`: a person who makes approvers decides who approves. So agents and plain tokens are refused. */
export const setRole = defineMutation({
  name: 'set_role',
  title: 'Set a role',
  description:
    'Gives a person a role. The role "none" takes it away. Their tokens and agents follow at once. A role from ecolink.yaml wins.',
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
        help: 'Name of the person, or the Slack account of a new person.',
        example: 'slack:T0123/U0456',
        choices: { operation: 'list_people', value: 'person' },
        positional: true,
      },
    ),
    role: field(z.enum([...roles, 'none']), {
      label: 'Role',
      help: 'The role from now on.',
      example: 'member',
    }),
    name: field(z.string().min(1).max(100).optional(), {
      label: 'Name',
      help: 'Name of a new person.',
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
        ? `${changed.person} has no role any more. Their tokens and agents have none either. Admins see what they own.`
        : `${changed.person} has the role "${changed.role}" from the next call on. Their tokens and agents follow.`,
  }),
});
