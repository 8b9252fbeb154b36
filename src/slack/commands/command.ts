import type { SlackCommandMiddlewareArgs } from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { looksLikeToken } from '../../core/base/secret-shapes.ts';
import { claimMessage } from './claim.ts';
import { approvalsReply } from './approval-actions.ts';
import { helpMessage, parseCommand, unknownMessage } from '../blocks/command-text.ts';
import { credentialMessage, refuseTyped } from './credential.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { Desk, Where } from '../workspace/dependencies.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { failureOf } from './failure.ts';
import { instanceMessage, instancesMessage } from '../blocks/instance-blocks.ts';
import type { Instance, InstanceSummary } from '../blocks/instance-blocks.ts';
import { openForm } from '../forms/open-form.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { peopleMessage, roleMessage } from './role.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { tokenMessage } from './token.ts';

type Arguments = Pick<SlackCommandMiddlewareArgs, 'command' | 'ack' | 'respond'> & Where;

/** `/ecolink …`. Everything but a launch's own message is seen by the one who typed it only. */
export async function onCommand(desk: Desk, { command, ack, respond, context }: Arguments): Promise<void> {
  await ack();
  const who = whoIs(command, desk.core.access, desk.bots.home);
  if (!who) return;
  const say = async (message: SlackMessage): Promise<void> => {
    await respond({ response_type: 'ephemeral', ...message });
  };
  try {
    if (looksLikeToken(command.text)) throw refuseTyped();
    const { subcommand, word, rest } = parseCommand(command.text);
    if (subcommand?.name === 'claim') return await say(await claimMessage(desk.core, who, command.user_name, rest));
    const caller = await callerOf(desk.core.access, who);
    if (!caller) return await say(await strangerMessage(desk.core.access, who));
    if (!subcommand) return await say(unknownMessage(word));
    if (subcommand.name === 'credential') return await say(await credentialMessage(desk.core, caller, rest));
    if (subcommand.name === 'token') return await say(await tokenMessage(desk.core, caller, rest));
    if (subcommand.name === 'approvals') return await say(await approvalsReply(desk, caller, rest));
    if (subcommand.name === 'people') return await say(await peopleMessage(desk, caller));
    if (subcommand.name === 'role') return await say(await roleMessage(desk, caller, who, rest));
    if ('form' in subcommand) {
      const bot = await botAt(desk, context);
      if (!bot) return;
      return await openForm(desk.core, bot, caller, {
        operation: subcommand.form,
        given: rest,
        triggerId: command.trigger_id,
        channel: command.channel_id,
      });
    }
    await say(subcommand.name === 'status' ? await statusMessage(desk, caller, rest) : helpMessage());
  } catch (thrown) {
    await say(errorMessage(failureOf(desk.core, thrown, 'a Slack command failed').toBody()));
  }
}

async function statusMessage({ core }: Desk, caller: Caller, instance: string): Promise<SlackMessage> {
  if (instance !== '') return instanceMessage((await core.execute('get_instance', { instance }, caller)) as Instance);
  const page = (await core.execute('list_instances', {}, caller)) as { items: InstanceSummary[]; next_cursor?: string };
  return instancesMessage(page.items, page.next_cursor !== undefined, new Date());
}
