import type { SlashCommand } from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { fail } from '../../core/base/errors.ts';
import { run, say } from '../../core/base/prose.ts';
import { looksLikeToken } from '../../core/base/secret-shapes.ts';
import { formOf, helpMessage, parseCommand, unknownMessage } from '../blocks/command-text.ts';
import type { Subcommand, SubcommandName } from '../blocks/command-text.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { actions, openButton } from '../blocks/action-blocks.ts';
import { section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { approvalsReply } from './approval-actions.ts';
import { claimMessage } from './claim.ts';
import { credentialMessage, refuseTyped } from './credential.ts';
import { doctorReply } from './doctor.ts';
import { failureOf } from './failure.ts';
import {
  cacheReply,
  cancelReply,
  changeReply,
  evictReply,
  instancesReply,
  logsReply,
  modelsReply,
  regionsReply,
  statusReply,
} from './list-replies.ts';
import { openSubcommand } from './open-subcommand.ts';
import { peopleMessage, roleMessage } from './role.ts';
import { tokenMessage } from './token.ts';

/** A typed command. Without a trigger no form can open: then the answer has a button that opens it. */
export type TypedCommand = Pick<
  SlashCommand,
  'text' | 'user_id' | 'user_name' | 'team_id' | 'enterprise_id' | 'channel_id'
> & { trigger_id?: string };

interface Arguments extends EventContext {
  command: TypedCommand;
  ack: () => Promise<void>;
  respond: (message: SlackMessage & { response_type: 'ephemeral' }) => Promise<unknown>;
}

/** A subcommand of somebody with a role, and what follows it. */
interface Typed {
  deps: SlackDeps;
  who: SlackUser;
  caller: Caller;
  rest: string;
}

/** The subcommands that a message answers. The others open a form, except `claim`. */
const replies: Partial<Record<SubcommandName, (typed: Typed) => Promise<SlackMessage>>> = {
  models: ({ deps, caller, rest }) => modelsReply(deps.core, caller, rest),
  instances: ({ deps, caller }) => instancesReply(deps.core, caller),
  status: ({ deps, caller, rest }) => statusReply(deps.core, caller, rest),
  logs: ({ deps, caller, rest }) => logsReply(deps.core, caller, rest),
  restart: ({ deps, caller, rest }) => changeReply(deps.core, caller, 'restart_instance', rest),
  stop: ({ deps, caller, rest }) => changeReply(deps.core, caller, 'stop_instance', rest),
  regions: ({ deps, caller }) => regionsReply(deps.core, caller),
  cache: ({ deps, caller, rest }) => {
    const [verb, model] = rest.split(' ');
    return verb === 'evict' && model !== undefined
      ? evictReply(deps.core, caller, model)
      : cacheReply(deps.core, caller);
  },
  approvals: ({ deps, caller, rest }) => approvalsReply(deps, caller, rest),
  cancel: ({ deps, caller, rest }) => cancelReply(deps.core, caller, rest),
  people: ({ deps, caller }) => peopleMessage(deps, caller),
  role: ({ deps, caller, who, rest }) => roleMessage(deps, caller, who, rest),
  credential: ({ deps, caller, rest }) => credentialMessage(deps.core, caller, rest),
  token: ({ deps, caller, rest }) => tokenMessage(deps.core, caller, rest),
  doctor: ({ deps, caller, who }) => doctorReply(deps, caller, who),
  help: async ({ caller }) => helpMessage(caller.person.role),
};

/** A number, or `name:number`. */
const instanceShape = /^(?:[^:\s]+:)?[1-9][0-9]*$/;

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
    if (!subcommand) return unknownMessage(word, caller.person.role);
    // An instance is easily made again, so a button is enough. A model is not: its form asks for the name.
    if (subcommand.name === 'delete' && instanceShape.test(rest))
      return changeReply(deps.core, caller, 'delete_instance', rest);
    const reply = replies[subcommand.name];
    if (reply) return reply({ deps, who, caller, rest });
    if (rest === '' && formOf(subcommand.name) === undefined) throw nothingNamed(subcommand.name);
    if (command.trigger_id === undefined) return openerMessage(subcommand, rest);
    const bot = await botAt(deps, context);
    const opening = { name: subcommand.name, given: rest, triggerId: command.trigger_id, channel: command.channel_id };
    if (bot) await openSubcommand(deps, bot, caller, opening);
    return undefined;
  };
  const message = await answer().catch((thrown: unknown) =>
    errorMessage(failureOf(deps.core, thrown, 'a Slack command failed')),
  );
  if (message) await respond({ response_type: 'ephemeral', ...message });
}

/** A click on the button has the trigger that a form needs. */
function openerMessage({ name, about }: Subcommand, given: string): SlackMessage {
  const button = openButton(name, given, 'Open the form', true);
  return { text: about, blocks: [section(`*${about}*`), actions(`open.${name}`, [button])] };
}

function nothingNamed(name: SubcommandName): Error {
  const list = name === 'delete' ? run('list_models') : run('list_approvals');
  return fail('bad_field', `Type the name or the number after "${name}".`, {
    nextStep: say`${list} shows the names.`,
  });
}
