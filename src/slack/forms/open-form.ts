import type { ModalView } from '@slack/types';
import { WebAPIPlatformError } from '@slack/web-api';
import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import { fail } from '../../core/base/errors.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import type { Bot } from '../connect/bots.ts';
import { newForm } from './form.ts';
import { formView, loadingView } from './form-view.ts';
import { loadChoices, needsChoices } from './load-choices.ts';

export interface FormRequest {
  operation: string;
  /** What was typed after the command: the operation's positional field. */
  given: string;
  triggerId: string;
  /** Where the command was typed; absent for what was clicked in a message. */
  channel?: string;
}

/** Opens an operation's form. A trigger lives for three seconds, so nothing is awaited before the first view is open. */
export async function openForm(core: Core, bot: Bot, caller: Caller, request: FormRequest): Promise<void> {
  const operation = findOperation(request.operation);
  if (!operation) throw new Error(`There is no operation ${request.operation}.`);
  const form = newForm(operation, request.channel, positional(operation, request.given));
  const slow = needsChoices(operation, form, {});
  const first = slow ? loadingView(operation, form) : formView(operation, form, {});
  const id = await openView(bot, request.triggerId, first);
  if (!slow || id === undefined) return;
  const choices = await loadChoices(core, caller, operation, form, {});
  await bot.client.views.update({ view_id: id, view: formView(operation, form, choices) });
}

/** Answers with the view's id. Throws `slack_too_slow` where the trigger is over. */
export async function openView({ hasty }: Bot, triggerId: string, view: ModalView): Promise<string | undefined> {
  const opened = await hasty.views.open({ trigger_id: triggerId, view }).catch((thrown: unknown) => {
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
  return fail('slack_too_slow', 'Slack waits three seconds for a form, and they had passed.', {
    nextStep: 'Do it again.',
    cause: thrown,
  });
}
