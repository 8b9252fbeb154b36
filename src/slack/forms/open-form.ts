import type { ModalView } from '@slack/types';
import { WebAPIPlatformError } from '@slack/web-api';
import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import { fail } from '../../core/base/errors.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { Operation } from '../../core/operation/operation.ts';
import type { Bot } from '../connect/bots.ts';
import { newForm } from './form.ts';
import { formView, loadingView } from './form-view.ts';
import { loadChoices, needsChoices } from './load-choices.ts';

export interface FormRequest {
  operation: Operation;
  /** What somebody typed after the command: the operation's positional field. */
  given: string;
  triggerId: string;
  /** The channel of the command. Absent for a click in a message. */
  channel?: string | undefined;
  onTop?: boolean | undefined;
}

/** Opens an operation's form. Slack drops a trigger after three seconds, so the first view opens before any other wait. */
export async function openForm(core: Core, bot: Bot, caller: Caller, request: FormRequest): Promise<void> {
  const { operation } = request;
  const form = newForm(operation, request.channel, positional(operation, request.given));
  const slow = needsChoices(operation, form, {});
  const first = slow ? loadingView(operation, form) : formView(operation, form, {});
  const id = await openView(bot, request.triggerId, first, request.onTop);
  if (!slow || id === undefined) return;
  const choices = await loadChoices(core, caller, operation, form, {});
  await bot.client.views.update({ view_id: id, view: formView(operation, form, choices) });
}

/** Returns the view's id. `onTop`: the click came from a modal, and Slack opens no second one beside it. Throws `slack_too_slow` if the trigger has expired. */
export async function openView(
  { hasty }: Bot,
  triggerId: string,
  view: ModalView,
  onTop = false,
): Promise<string | undefined> {
  const given = { trigger_id: triggerId, view };
  const opened = await (onTop ? hasty.views.push(given) : hasty.views.open(given)).catch((thrown: unknown) => {
    throw tooLate(thrown);
  });
  return opened.view?.id;
}

function positional(operation: Operation, given: string): Record<string, string> {
  const field = inputFields(operation).find((each) => each.positional && each.type === 'string');
  return field && given !== '' ? { [field.name]: given } : {};
}

function tooLate(thrown: unknown): unknown {
  if (thrown instanceof WebAPIPlatformError && !/trigger/.test(thrown.data.error)) return thrown;
  return fail('slack_too_slow', 'Slack waits three seconds for a form, and this one was too late.', {
    nextStep: 'Type the command or click the button again.',
    cause: thrown,
  });
}
