import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import { findOperation } from '../../core/operations/catalogue.ts';
import { openPrefix, readAction } from '../blocks/action-blocks.ts';
import { errorMessage } from '../blocks/error-text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { receiptMessage } from '../forms/form-view.ts';
import { botAt, receiptSchema } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { failureOf } from './failure.ts';
import { openSubcommand } from './open-subcommand.ts';
import { nameOf } from './typed-actions.ts';

type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext;

/** A click on a button that runs an operation, after Slack's dialog. The operation decides whether it may. */
export async function onRun(deps: SlackDeps, click: Click): Promise<void> {
  await click.ack();
  const { core } = deps;
  const who = whoIs(click.body, core.access, deps.bots.home);
  if (!who) return;
  const answer = answerTo(click);
  const caller = await callerOf(core.access, who);
  if (!caller) return answer(await strangerMessage(core.access, who));
  // A click in App Home has no address for an answer: the home itself says what came of it.
  const say = async (message: SlackMessage, replaces = false): Promise<void> =>
    click.body.view?.type === 'home' ? deps.home.tell(who, markupOf(message)) : answer(message, replaces);
  const { operation, input, key } = readAction(click.action.value ?? '');
  try {
    const name = nameOf({ operation });
    const receipt = await core.execute(name, { ...input, idempotency_key: `slack:${key}` }, caller);
    await say(receiptMessage(receiptSchema.parse(receipt)), isOwn(click));
  } catch (thrown) {
    await say(errorMessage(failureOf(core, thrown, 'a button in Slack failed'), findOperation(operation)));
  }
}

/** A click on a button that opens a form. */
export async function onOpen(deps: SlackDeps, click: Click): Promise<void> {
  await click.ack();
  const { core } = deps;
  const { body, action, context } = click;
  const who = whoIs(body, core.access, deps.bots.home);
  if (!who) return;
  const answer = answerTo(click);
  const caller = await callerOf(core.access, who);
  if (!caller) return answer(await strangerMessage(core.access, who));
  try {
    const bot = await botAt(deps, context);
    const name = action.action_id.slice(openPrefix.length);
    const given = action.value?.trim() ?? '';
    const channel = body.channel?.id;
    const onTop = body.view?.type === 'modal';
    if (bot) await openSubcommand(deps, bot, caller, { name, given, triggerId: body.trigger_id, channel, onTop });
  } catch (thrown) {
    await answer(errorMessage(failureOf(core, thrown, 'a form behind a button failed')));
  }
}

function markupOf({ text, blocks: [first] }: SlackMessage): string {
  return first?.type === 'section' ? (first.text?.text ?? text) : text;
}

/** A message that only the person who clicked sees may be replaced: it has done its work. */
function isOwn({ body }: Click): boolean {
  return body.container['is_ephemeral'] === true;
}

/** A click in a modal or in App Home has no address for answers. */
function answerTo({ body, respond }: Click): (message: SlackMessage, replaces?: boolean) => Promise<void> {
  return async (message, replaces = false) => {
    if (body.response_url === undefined) return;
    await respond({ response_type: 'ephemeral', replace_original: replaces, ...message });
  };
}
