import { z } from 'zod';
import { roles } from '../base/caller.ts';

const slackId = /^[A-Z0-9]+$/;

export const personSchema = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(roles),
  /** `local`, or `slack:<organisation>/<user>` on Enterprise Grid and `slack:<team>/<user>` elsewhere. */
  identities: z
    .array(z.string().regex(/^(?:local|slack:[A-Z0-9]+\/[A-Z0-9]+)$/, 'must be "local" or "slack:TEAM/USER"'))
    .min(1),
  /** Groups of the person, besides those from Slack. */
  groups: z.array(z.string().min(1).max(100)).default([]),
});

export const groupSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /** The least role of every member. */
  role: z.enum(roles).optional(),
  /** Members of this Slack user group belong to the group. */
  slack: z
    .string()
    .regex(/^[A-Z0-9]+\/S[A-Z0-9]+$/, 'must be "TEAM/USERGROUP", such as T1/S123')
    .optional(),
});

export const slackSchema = z.strictObject({
  /** Default channel for announcements of launches. `T1/C1` if the app is in several workspaces. */
  channel: z.string().optional(),
  /** Workspaces and organisations that may install the app and use this server. Default: the workspace of the token. */
  workspaces: z.array(z.string().regex(slackId, 'must be a workspace id, such as T01ABC')).default([]),
  organisations: z.array(z.string().regex(slackId, 'must be an organisation id, such as E01ABC')).default([]),
});

interface PeopleFile {
  people: { identities: string[]; groups: string[] }[];
  groups: { name: string }[];
}

/** Checks that each identity belongs to one person, and that the groups of people exist. */
export function checkPeople(file: PeopleFile, context: z.RefinementCtx): void {
  const seen = new Set<string>();
  const groups = file.groups.map((group) => group.name);
  for (const [index, person] of file.people.entries()) {
    for (const [position, identity] of person.identities.entries()) {
      if (seen.has(identity)) {
        const message = `"${identity}" is used twice`;
        context.addIssue({ code: 'custom', path: ['people', index, 'identities', position], message });
      }
      seen.add(identity);
    }
    for (const [position, group] of person.groups.entries()) {
      if (groups.includes(group)) continue;
      const message = `expected one of the groups: ${groups.join(', ') || 'there is none'}`;
      context.addIssue({ code: 'custom', path: ['people', index, 'groups', position], message });
    }
  }
}
