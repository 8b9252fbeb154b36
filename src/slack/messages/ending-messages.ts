import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import type { Core, Ending } from '../../core/core.ts';
import { operations } from '../../core/operations/catalogue.ts';
import type { Bots } from '../connect/bots.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { SlackDeps, EventContext } from '../workspace/dependencies.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { failureOf } from '../commands/failure.ts';
import { openForm } from '../forms/open-form.ts';
import { accountOf, callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { attempt, post } from './post.ts';
import { code, escape, plain, section, when } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

export const extendId = 'ending.extend';

/** How often it looks for endings. */
const pollMs = 5000;

interface Deps {
  core: Core;
  bots: Bots;
}

/** Warns owners by direct message before their instances stop by themselves. */
export function createEndingMessages({ core, bots }: Deps): { close(): Promise<void> } {
  let looking = Promise.resolve();
  const look = (): void => {
    looking = looking
      .then(() => core.endings.warnOwners((ending) => warn({ core, bots }, ending)))
      .catch((thrown: unknown) =>
        core.log.warn({ err: thrown }, 'an owner could not be warned before an instance stops'),
      );
  };
  look();
  const timer = setInterval(look, pollMs).unref();
  return {
    close() {
      clearInterval(timer);
      return looking;
    },
  };
}

/** Writes to the owner's first account that Slack delivers to. Owners without one see the time at the instance. */
async function warn({ core, bots }: Deps, ending: Ending): Promise<void> {
  const message = endingMessage(ending);
  for (const identity of ending.identities) {
    const who = accountOf(identity);
    if (who && (await attempt(core, () => post(bots, { user: who.user, at: who }, message)))) return;
  }
}

export function endingMessage({ instance, modelId, stopAt }: Ending): SlackMessage {
  return {
    text: `${escape(modelId)} stops by itself soon`,
    blocks: [
      section(
        `:alarm_clock: ${code(modelId)} stops by itself ${when(stopAt)}. Its weights stay cached, and it can be restarted.`,
      ),
      {
        type: 'actions',
        block_id: `ending.${instance}`,
        elements: [{ type: 'button', action_id: extendId, value: String(instance), text: plain('More time…', 75) }],
      },
    ],
  };
}

type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext;

/** The button *More time…* opens the form of `extend_instance`. The policy decides whether it needs an approval. */
export async function onExtend(deps: SlackDeps, { ack, action, body, respond, context }: Click): Promise<void> {
  await ack();
  const who = whoIs(body, deps.core.access, deps.bots.home);
  if (!who) return;
  const answer = async (message: SlackMessage): Promise<void> => {
    await respond({ response_type: 'ephemeral', replace_original: false, ...message });
  };
  const caller = await callerOf(deps.core.access, who);
  if (!caller) return answer(await strangerMessage(deps.core.access, who));
  const request = { operation: operations.extend_instance, given: action.value ?? '', triggerId: body.trigger_id };
  try {
    const bot = await botAt(deps, context);
    if (bot) await openForm(deps.core, bot, caller, request);
  } catch (thrown) {
    await answer(errorMessage(failureOf(deps.core, thrown, 'a form for more time failed')));
  }
}
