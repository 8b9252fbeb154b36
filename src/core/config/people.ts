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
  /** Names of groups that the person belongs to, besides those that Slack knows of. */
  groups: z.array(z.string().min(1).max(100)).default([]),
});

export const groupSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /** What every member has at least. */
  role: z.enum(roles).optional(),
  /** The Slack user group whose members belong to it. */
  slack: z
    .string()
    .regex(/^[A-Z0-9]+\/S[A-Z0-9]+$/, 'must be "TEAM/USERGROUP", such as T1/S123')
    .optional(),
});

export const slackSchema = z.strictObject({
  /** Where launches are announced when a form gave no channel; `T1/C1` where the app is in several workspaces. */
  channel: z.string().optional(),
  /** Ids of the workspaces and organisations that may install the app and use this server; with neither, the one that its token is of. */
  workspaces: z.array(z.string().regex(slackId, 'must be a workspace id, such as T01ABC')).default([]),
  organisations: z.array(z.string().regex(slackId, 'must be an organisation id, such as E01ABC')).default([]),
});

interface PeopleFile {
  people: { identities: string[]; groups: string[] }[];
  groups: { name: string }[];
}

/** An identity belongs to one person, and groups that people name exist. */
export function checkPeople(file: PeopleFile, context: z.RefinementCtx): void {
  const seen = new Set<string>();
  const groups = file.groups.map((group) => group.name);
  for (const [index, person] of file.people.entries()) {
    for (const [at, identity] of person.identities.entries()) {
      if (seen.has(identity)) {
        const message = `"${identity}" is there twice`;
        context.addIssue({ code: 'custom', path: ['people', index, 'identities', at], message });
      }
      seen.add(identity);
    }
    for (const [at, group] of person.groups.entries()) {
      if (groups.includes(group)) continue;
      const message = `expected one of the groups: ${groups.join(', ') || 'there is none'}`;
      context.addIssue({ code: 'custom', path: ['people', index, 'groups', at], message });
    }
  }
}
