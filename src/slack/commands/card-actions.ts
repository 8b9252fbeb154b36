import type { Caller } from '../../core/base/caller.ts';
import type { Prose } from '../../core/base/prose.ts';
import { cardIds } from '../blocks/card-blocks.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { richBox } from '../blocks/rich-text.ts';
import { slackMarkup } from '../blocks/speaker.ts';
import { code, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { adoptClicked, answerClick } from './click.ts';
import type { Click } from './click.ts';
import { failureOf } from './failure.ts';

/** Lines of a log that fit into a message. */
const linesShown = 20;
const charactersShown = 2800;

/** Somebody clicked a button of a card. Only they see the answer. */
export async function onCardButton(deps: SlackDeps, click: Click): Promise<void> {
  const { ack, action, body } = click;
  await ack();
  const { core } = deps;
  const who = whoIs(body, core.access, deps.bots.home);
  const instance = action.value ?? '';
  if (!who || !/^[0-9]{1,9}$/.test(instance)) return;
  const caller = await callerOf(core.access, who);
  if (!caller) return answerClick(click, await strangerMessage(core.access, who));
  const answer = await act(deps, action.action_id, instance, caller).catch((thrown: unknown) =>
    errorMessage(failureOf(core, thrown, 'a button of a card failed')),
  );
  if (answer) await answerClick(click, answer);
  await adoptClicked(deps, click, { topic: 'instance', subject: Number(instance), about: 'card' });
  await deps.live.refresh(Number(instance));
}

async function act(
  { core }: SlackDeps,
  button: string,
  instance: string,
  caller: Caller,
): Promise<SlackMessage | undefined> {
  switch (button) {
    case cardIds.logs: {
      const { logs } = await core.execute('get_instance_logs', { instance, lines: linesShown }, caller);
      return logsMessage(instance, logs);
    }
    case cardIds.restart:
      return receiptOf(await core.execute('restart_instance', { instance }, caller));
    case cardIds.stop:
      return receiptOf(await core.execute('stop_instance', { instance }, caller));
    default:
      return undefined;
  }
}

function receiptOf({ model_id: name, state, next_step: next }: { model_id?: string; state: string; next_step: Prose }) {
  const text = `${name === undefined ? '' : `${code(name)}: `}*${state.replaceAll('_', ' ')}*. ${slackMarkup(next)}`;
  return { text, blocks: [section(text)] };
}

function logsMessage(instance: string, logs: readonly { region: string; lines: readonly string[] }[]): SlackMessage {
  const room = Math.floor(charactersShown / Math.max(1, logs.length));
  const text = `The last lines of instance ${instance}`;
  const blocks = logs.flatMap(({ region, lines }) => [
    section(`*${code(region)}*`),
    lines.length === 0 ? section('No lines yet.') : richBox(endOf(lines.join('\n'), room)),
  ]);
  return { text, blocks: [section(`${text}:`), ...blocks.slice(0, 40)] };
}

/** The end of a log is what people look for. */
function endOf(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(1 - length)}`;
}
