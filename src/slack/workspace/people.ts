import { scopes } from '../../core/base/caller.ts';
import type { Caller } from '../../core/base/caller.ts';
import { adminNames } from '../../core/core.ts';
import type { Access, SlackWorkspace } from '../../core/core.ts';
import { workspaceOf } from '../connect/bots.ts';
import { actions, openButton } from '../blocks/action-blocks.ts';
import { code, escape, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** A Slack user. At least one of workspace and organisation is known. */
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

/** The user id of Slackbot. */
const slackbot = 'USLACKBOT';

/**
 * The user behind a payload, with their own workspace and not the channel's. Undefined for bots and for people of
 * workspaces that the app does not serve. `home`: the workspace of the app's one token, if it has only one.
 */
export function whoIs(
  payload: Payload,
  access: Pick<Access, 'admitsWorkspace'>,
  home: SlackWorkspace | undefined,
): SlackUser | undefined {
  const user = payload.user?.id ?? payload.user_id;
  const own = payload.user?.team_id;
  const team = own ?? payload.team?.id ?? payload.team_id;
  // Slack sends the organisation of the channel. The user's own is known if it is sent in place of their workspace.
  const there = payload.enterprise?.id ?? payload.enterprise_id ?? payload.team?.enterprise_id;
  const enterprise = own?.startsWith('E') ? own : there;
  if (!user || user === slackbot || payload.bot_id || (!team && !enterprise)) return undefined;
  if (home && (home.enterprise === undefined ? team !== home.team : enterprise !== home.enterprise)) return undefined;
  const who = { user, ...(team ? { team } : {}), ...(enterprise ? { enterprise } : {}) };
  return access.admitsWorkspace(who) ? who : undefined;
}

/** The account behind an identity such as `slack:T1/U1`. Undefined for other identities. */
export function accountOf(identity: string): SlackUser | undefined {
  const [, workspace, user] = /^slack:([A-Z0-9]+)\/([A-Z0-9]+)$/.exec(identity) ?? [];
  return workspace === undefined || user === undefined ? undefined : { ...workspaceOf(workspace), user };
}

/** The identity in the form of the config. On Enterprise Grid it names the organisation: a user has one id in all its workspaces. */
export function identityOf({ team, enterprise, user }: SlackUser): string {
  return `slack:${enterprise ?? team}/${user}`;
}

/** The caller behind a Slack user. Undefined if the user has no role. */
export async function callerOf(access: Access, who: SlackUser): Promise<Caller | undefined> {
  const person = await access.personOfSlack(who.enterprise ?? who.team ?? '', who.user);
  return person && { person, identity: identityOf(who), agent: false, mayDecide: true, source: 'slack', scopes };
}

export const askAccessId = 'access.ask';
const askButton = { ...openButton('access', '', 'Ask for access', true), action_id: askAccessId };

/** For somebody without a role: who can give one, and to which identity. */
export async function strangerMessage(access: Pick<Access, 'membersOf'>, who: SlackUser): Promise<SlackMessage> {
  const admins = escape(await adminNames(access));
  const text = `I do not know you yet. Ask ${admins} for a role: an admin types ${code('/ecolink role @you member')} here, or adds you under \`people\` in ecolink.yaml, where your identity is ${code(identityOf(who))}. Guests of a workspace get no role.`;
  return { text, blocks: [section(text), actions('ask', [askButton])] };
}
