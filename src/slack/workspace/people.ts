import type { Access, SlackWorkspace } from '../../core/access/access.ts';
import { scopes } from '../../core/base/caller.ts';
import type { Caller } from '../../core/base/caller.ts';
import { adminNames } from '../../core/access/admin-names.ts';
import { placeOf } from '../connect/bots.ts';
import { code, escape, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** A Slack user as a payload names them, or an identity: with one of workspace and organisation at least. */
export interface SlackUser extends SlackWorkspace {
  user: string;
}

/** What the payloads of commands, clicks and forms have in common. */
interface Payload {
  user?: { id: string; team_id?: string };
  user_id?: string;
  team?: { id: string; enterprise_id?: string } | null;
  team_id?: string;
  enterprise?: { id: string } | null;
  enterprise_id?: string;
  bot_id?: string;
}

/** Slack's own helper posts as this user. */
const slackbot = 'USLACKBOT';

/**
 * Who is behind a payload, by their own workspace and not the channel's. Undefined for bots and for people of places
 * that the app does not serve: they get nothing. `home`: where it has one token, the place of that.
 */
export function whoIs(
  payload: Payload,
  access: Pick<Access, 'admitsWorkspace'>,
  home: SlackWorkspace | undefined,
): SlackUser | undefined {
  const user = payload.user?.id ?? payload.user_id;
  const own = payload.user?.team_id;
  const team = own ?? payload.team?.id ?? payload.team_id;
  // Slack names the organisation of the channel; a user's own is known where it stands in place of their workspace.
  const there = payload.enterprise?.id ?? payload.enterprise_id ?? payload.team?.enterprise_id;
  const enterprise = own?.startsWith('E') ? own : there;
  if (!user || user === slackbot || payload.bot_id || (!team && !enterprise)) return undefined;
  if (home && (home.enterprise === undefined ? team !== home.team : enterprise !== home.enterprise)) return undefined;
  const who = { user, ...(team ? { team } : {}), ...(enterprise ? { enterprise } : {}) };
  return access.admitsWorkspace(who) ? who : undefined;
}

/** The account behind an identity such as `slack:T1/U1`; undefined for one that is not Slack's. */
export function accountOf(identity: string): SlackUser | undefined {
  const [, place, user] = /^slack:([A-Z0-9]+)\/([A-Z0-9]+)$/.exec(identity) ?? [];
  return place === undefined || user === undefined ? undefined : { ...placeOf(place), user };
}

/** As `people` in the config writes it. On Enterprise Grid a user has one id in all workspaces, so the organisation names it. */
export function identityOf({ team, enterprise, user }: SlackUser): string {
  return `slack:${enterprise ?? team}/${user}`;
}

/** The caller behind a Slack user, or undefined for somebody to whom nothing gives a role. */
export async function callerOf(access: Access, who: SlackUser): Promise<Caller | undefined> {
  const person = await access.personOfSlack(who.enterprise ?? who.team ?? '', who.user);
  return person && { person, identity: identityOf(who), agent: false, mayDecide: true, source: 'slack', scopes };
}

/** What somebody reads to whom nothing gives a role: who can change that, and what to give them. */
export async function strangerMessage(access: Pick<Access, 'membersOf'>, who: SlackUser): Promise<SlackMessage> {
  const whom = escape(await adminNames(access));
  const text = `I do not know you yet. Ask ${whom} for a role: an admin types ${code('/ecolink role @you member')} here, or adds you under \`people\` in ecolink.yaml, where your identity is ${code(identityOf(who))}. Guests of a workspace get no role.`;
  return { text, blocks: [section(text)] };
}
