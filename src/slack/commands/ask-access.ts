import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import { z } from 'zod';
import type { Role } from '../../core/base/caller.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Core } from '../../core/core.ts';
import { actions } from '../blocks/action-blocks.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { code, plain, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { post } from '../messages/post.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { accountOf, callerOf, identityOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { failureOf } from './failure.ts';
import { tellRole } from './role.ts';

export const givePrefix = 'access.give.';

/** The roles that a button gives. The admin role is typed, because it gives everything. */
const offered = ['viewer', 'member', 'approver'] as const satisfies Role[];

/** So many admins get a message. The others see nothing. */
const adminsTold = 10;
/** Asking again within this time tells nobody again. */
const quietMs = 3_600_000;

/** When each identity asked last. */
export type Asked = Map<string, number>;

type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext;

const askSchema = z.object({ identity: z.string(), name: z.string() });

/** *Ask for access*: the admins get a message with a button for each role. */
export async function onAskAccess(deps: SlackDeps, asked: Asked, { ack, body, respond }: Click): Promise<void> {
  await ack();
  const { core } = deps;
  const who = whoIs(body, core.access, deps.bots.home);
  if (!who) return;
  const answer = async (text: string): Promise<void> => {
    const message = { text, blocks: [section(text)] };
    if (body.response_url === undefined) await post(deps.bots, { user: who.user, at: who }, message);
    else await respond({ response_type: 'ephemeral', replace_original: false, ...message });
  };
  if (await callerOf(core.access, who)) return answer('You have a role already. Type `/ecolink`.');
  const identity = identityOf(who);
  const before = asked.get(identity);
  if (before !== undefined && Date.now() - before < quietMs)
    return answer('The admins have your request. You get a message when one of them answers.');
  const name = body.user.name ?? body.user.username ?? who.user;
  const told = await tellAdmins(deps, accessMessage({ identity, name }, who));
  if (told === 0) return answer('No admin can be reached in Slack. Ask whoever runs this EcoLink server.');
  asked.set(identity, Date.now());
  return answer(
    `:white_check_mark: ${told === 1 ? 'One admin was' : `${told} admins were`} asked. You get a message when one of them answers.`,
  );
}

async function tellAdmins({ core, bots }: SlackDeps, message: SlackMessage): Promise<number> {
  const admins = await core.access.membersOf({ roles: ['admin'] });
  const accounts = await Promise.all(admins.map(async ({ id }) => accountOfPerson(core, id)));
  let told = 0;
  for (const to of accounts.filter((each) => each !== undefined).slice(0, adminsTold))
    if (await tell(core, () => post(bots, { user: to.user, at: to }, message))) told += 1;
  return told;
}

/** Whether Slack took the message. An admin whose account is gone keeps nobody else from theirs. */
async function tell({ log }: Core, send: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await send()) !== undefined;
  } catch (thrown) {
    log.warn({ err: thrown }, 'an admin could not be asked for access');
    return false;
  }
}

async function accountOfPerson(core: Core, id: string): Promise<SlackUser | undefined> {
  const identities = await core.access.identitiesOf(id);
  return identities.map(accountOf).find((account) => account !== undefined);
}

/** What an admin gets: who asks, and a button for each role. */
export function accessMessage(ask: z.output<typeof askSchema>, { user }: SlackUser): SlackMessage {
  const buttons = offered.map((role) => ({
    type: 'button' as const,
    action_id: `${givePrefix}${role}`,
    value: JSON.stringify(ask),
    text: plain(`Make ${role}`, 75),
    ...(role === 'member' ? { style: 'primary' as const } : {}),
    confirm: {
      title: plain(`Give the role ${role}?`, 100),
      text: plain(`${ask.name} gets the role ${role}.`, 300),
      confirm: plain('Give it', 30),
      deny: plain('Not now', 30),
    },
  }));
  return {
    text: `<@${user}> asks for access to EcoLink`,
    blocks: [
      section(`:wave: <@${user}> asks for access to EcoLink.`),
      section(
        '*viewer* sees, *member* registers and launches, *approver* decides on requests. Give nothing to refuse.',
      ),
      actions('access', buttons),
    ],
  };
}

/** An admin clicked a role. */
export async function onGiveAccess(
  deps: SlackDeps,
  asked: Asked,
  { ack, action, body, respond }: Click,
): Promise<void> {
  await ack();
  const { core } = deps;
  const who = whoIs(body, core.access, deps.bots.home);
  if (!who) return;
  const caller = await callerOf(core.access, who);
  const refuse = (message: SlackMessage) =>
    respond({ response_type: 'ephemeral', replace_original: false, ...message });
  if (!caller) return void (await refuse(await strangerMessage(core.access, who)));
  const ask = askSchema.parse(JSON.parse(action.value ?? ''));
  const role = offered.find((each) => action.action_id === givePrefix + each);
  const account = accountOf(ask.identity);
  if (!role || !account) return;
  try {
    const key = `slack:${randomId('role')}`;
    await core.execute('set_role', { person: ask.identity, name: ask.name, role, idempotency_key: key }, caller);
  } catch (thrown) {
    await refuse(errorMessage(failureOf(core, thrown, 'a role could not be given')));
    return;
  }
  asked.delete(ask.identity);
  await tellRole(deps, account, caller, role);
  const text = `:white_check_mark: <@${account.user}> has the role ${code(role)} now.`;
  await respond({ replace_original: true, text, blocks: [section(text)] });
}
