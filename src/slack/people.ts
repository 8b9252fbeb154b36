import type { Access } from '../core/access/access.ts';
import { scopes } from '../core/access/caller.ts';
import type { Caller } from '../core/access/caller.ts';
import { adminNames } from '../core/access/rights.ts';
import { code, escape, section } from './text.ts';
import type { SlackMessage } from './text.ts';

/** The workspace (and Enterprise Grid organisation) that this app's token belongs to. */
export interface Workspace {
  team: string;
  enterprise?: string;
}

/** A Slack user as a payload names them. */
export interface SlackUser {
  team: string;
  user: string;
  enterprise?: string;
}

/** What the payloads of commands, clicks and forms have in common. */
interface Payload {
  user?: { id: string; team_id?: string };
  user_id?: string;
  team?: { id: string } | null;
  team_id?: string;
  enterprise?: { id: string } | null;
  enterprise_id?: string;
  bot_id?: string;
}

/** Slack's own helper posts as this user. */
const slackbot = 'USLACKBOT';

/** Who is behind a payload, or undefined for bots and for people of another organisation: they get nothing. */
export function userOf(payload: Payload, home: Workspace): SlackUser | undefined {
  const user = payload.user?.id ?? payload.user_id;
  const team = payload.user?.team_id ?? payload.team?.id ?? payload.team_id;
  const enterprise = payload.enterprise?.id ?? payload.enterprise_id;
  if (!user || user === slackbot || payload.bot_id || (!team && !enterprise)) return undefined;
  const foreign = home.enterprise === undefined ? team !== home.team : enterprise !== home.enterprise;
  if (foreign) return undefined;
  return { team: team ?? home.team, user, ...(enterprise ? { enterprise } : {}) };
}

/** As `people` in the config writes it. On Enterprise Grid a user has one id in all workspaces, so the organisation names it. */
export function identityOf({ team, enterprise, user }: SlackUser): string {
  return `slack:${enterprise ?? team}/${user}`;
}

/** The caller behind a Slack user, or undefined for somebody to whom nothing gives a role. */
export async function callerOf(access: Access, who: SlackUser): Promise<Caller | undefined> {
  if (!access.admitsWorkspace(who)) return undefined;
  const person = await access.personOfSlack(who.enterprise ?? who.team, who.user);
  return person && { person, identity: identityOf(who), agent: false, mayDecide: true, source: 'slack', scopes };
}

/** What somebody reads to whom nothing gives a role: who can change that, and what to give them. */
export async function strangerMessage(access: Pick<Access, 'membersOf'>, who: SlackUser): Promise<SlackMessage> {
  const whom = escape(await adminNames(access));
  const text = `I do not know you yet. Ask ${whom} for a role: an admin types ${code('/ecolink role @you member')} here, or adds you under \`people\` in ecolink.yaml, where your identity is ${code(identityOf(who))}.`;
  return { text, blocks: [section(text)] };
}
