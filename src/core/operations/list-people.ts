import { z } from 'zod';
import { roles } from '../base/caller.ts';
import { defineQuery } from './define.ts';
import { listOf, paging } from './shapes.ts';

export const listPeople = defineQuery({
  name: 'list_people',
  title: 'List people',
  description: 'Lists everybody who has a role, where the role comes from, and their accounts.',
  group: 'people',
  effect: 'read',
  role: 'admin',
  frontEnds: ['cli', 'slack'],
  slack: { verb: 'people' },
  withoutServer: true,
  input: z.strictObject({ ...paging }),
  output: listOf(
    z.object({
      person: z.string(),
      role: z.enum(roles),
      /** `ecolink.yaml`, a group, the server's terminal, a claim, or the admin who gave the role. */
      given_by: z.string(),
      identities: z.array(z.string()),
    }),
  ),
  columns: ['person', 'role', 'given_by', 'identities'],
  examples: [{}],
  handler: (input, { services }) => services.roles.list(input),
});
