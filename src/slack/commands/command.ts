import type { SlackCommandMiddlewareArgs } from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { looksLikeToken } from '../../core/base/secret-shapes.ts';
import { formOf, helpMessage, parseCommand, unknownMessage } from '../blocks/command-text.ts';
import type { SubcommandName } from '../blocks/command-text.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { instanceMessage, instancesMessage } from '../blocks/instance-blocks.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { openForm } from '../forms/open-form.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { approvalsReply } from './approval-actions.ts';
import { claimMessage } from './claim.ts';
import { credentialMessage, refuseTyped } from './credential.ts';
import { failureOf } from './failure.ts';
import { peopleMessage, roleMessage } from './role.ts';
import { tokenMessage } from './token.ts';

type Arguments = Pick<SlackCommandMiddlewareArgs, 'command' | 'ack' | 'respond'> & EventContext;

/** A subcommand of somebody with a role, and what follows it. */
interface Typed {
  deps: SlackDeps;
  who: SlackUser;
  caller: Caller;
  rest: string;
}

/** The subcommands that a message answers. The others open a form, except `claim`. */
const replies: Partial<Record<SubcommandName, (typed: Typed) => Promise<SlackMessage>>> = {
  status: ({ deps, caller, rest }) => statusMessage(deps, caller, rest),
  approvals: ({ deps, caller, rest }) => approvalsReply(deps, caller, rest),
  people: ({ deps, caller }) => peopleMessage(deps, caller),
  role: ({ deps, caller, who, rest }) => roleMessage(deps, caller, who, rest),
  credential: ({ deps, caller, rest }) => credentialMessage(deps.core, caller, rest),
  token: ({ deps, caller, rest }) => tokenMessage(deps.core, caller, rest),
  help: async () => helpMessage(),
};

/** `/ecolink …`. Only the person who typed it sees the answer. The message of a launch is visible to all. */
export async function onCommand(deps: SlackDeps, { command, ack, respond, context }: Arguments): Promise<void> {
  await ack();
  const who = whoIs(command, deps.core.access, deps.bots.home);
  if (!who) return;
  const answer = async (): Promise<SlackMessage | undefined> => {
    if (looksLikeToken(command.text)) throw refuseTyped();
    const { subcommand, word, rest } = parseCommand(command.text);
    if (subcommand?.name === 'claim') return claimMessage(deps.core, who, command.user_name, rest);
    const caller = await callerOf(deps.core.access, who);
    if (!caller) return strangerMessage(deps.core.access, who);
    if (!subcommand) return unknownMessage(word);
    const reply = replies[subcommand.name];
    if (reply) return reply({ deps, who, caller, rest });
    const [bot, operation] = [await botAt(deps, context), formOf(subcommand.name)];
    if (!bot || !operation) return undefined;
    const { trigger_id: triggerId, channel_id: channel } = command;
    await openForm(deps.core, bot, caller, { operation, given: rest, triggerId, channel });
    return undefined;
  };
  const message = await answer().catch((thrown: unknown) =>
    errorMessage(failureOf(deps.core, thrown, 'a Slack command failed')),
  );
  if (message) await respond({ response_type: 'ephemeral', ...message });
}

async function statusMessage({ core }: SlackDeps, caller: Caller, instance: string): Promise<SlackMessage> {
  if (instance !== '') return instanceMessage(await core.execute('get_instance', { instance }, caller));
  const page = await core.execute('list_instances', {}, caller);
  return instancesMessage(page.items, page.next_cursor !== undefined, new Date());
}
