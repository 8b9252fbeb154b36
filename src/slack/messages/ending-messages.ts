import type { BlockAction, ButtonAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import { priorities } from '../../core/core.ts';
import type { Core, Ending } from '../../core/core.ts';
import { operations } from '../../core/operations/catalogue.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { SlackDeps, EventContext } from '../workspace/dependencies.ts';
import { cardIds } from '../blocks/card-blocks.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { failureOf } from '../commands/failure.ts';
import { openForm } from '../forms/open-form.ts';
import { writeContent } from '../outbox/content.ts';
import { placesOfIdentities } from '../outbox/places.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { code, escape, plain, section, when } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

export const extendId = cardIds.extend;

/** How often it looks for endings. */
const pollMs = 5000;

interface Deps {
  core: Core;
  wake: () => void;
}

/** Warns owners by direct message before their instances stop by themselves. */
export function createEndingMessages({ core, wake }: Deps): { close(): Promise<void> } {
  let looking = Promise.resolve();
  const look = (): void => {
    looking = looking
      .then(() => core.endings.warnOwners((ending) => warn({ core, wake }, ending)))
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
async function warn({ core, wake }: Deps, ending: Ending): Promise<void> {
  const places = placesOfIdentities(ending.identities);
  if (places.length === 0) return;
  const key = {
    topic: 'instance',
    subject: ending.instance,
    about: `ends ${ending.stopAt}`,
    audience: 'owner',
  } as const;
  const wanted = writeContent(endingMessage(ending));
  await core.outbox.add([{ ...key, places, priority: priorities.word, wanted }]);
  wake();
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
