import type { KnownBlock, ModalView } from '@slack/types';
import type { EcolinkError } from '../../core/base/errors.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { Operation } from '../../core/operation/operation.ts';
import type { Receipt } from '../workspace/dependencies.ts';
import { errorMarkup } from '../blocks/error-text.ts';
import { slackMarkup } from '../blocks/speaker.ts';
import { fieldBlock } from './field-block.ts';
import type { Choices } from './field-block.ts';
import { blockOf, isSwitch, safeValues, visibleFields, writeForm } from './form.ts';
import { extrasOf, isExtraSwitch } from './register-extras.ts';
import type { Form } from './form.ts';
import { escape, note, plain, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** What a form says besides its fields. */
export type FormNotice = { checking: true } | { error: EcolinkError } | { found: KnownBlock[] };

/** Slack's limits for a modal's title and buttons. */
const buttonLimit = 24;

/** Every form's callback id begins with this; the operation's name follows. */
export const formPrefix = 'form.';

/** An operation's form: a modal with its fields, their values, and the notice. */
export function formView(operation: Operation, form: Form, choices: Choices, notice?: FormNotice): ModalView {
  const all = inputFields(operation);
  const fields = visibleFields(operation, form.values);
  const values = safeValues(form.values);
  const error = notice && 'error' in notice ? notice.error : undefined;
  const under = fields.find((field) => field.name === error?.field)?.name;
  const blocks = fields.flatMap((field) => {
    const switches = isSwitch(field, all) || isExtraSwitch(operation, field.name);
    const block = fieldBlock(field, values[field.name], choices[field.name], {
      switches,
      block: blockOf(form, field.name),
    });
    return error && under === field.name ? [block, section(errorMarkup(error, operation), `error.${under}`)] : [block];
  });
  return {
    ...shell(operation, form),
    submit: plain(operation.title.split(' ')[0] ?? 'Send', buttonLimit),
    blocks: [...noticesOf(operation, notice, under), ...blocks, ...extrasOf(operation, form, choices)],
  };
}

function noticesOf(operation: Operation, notice: FormNotice | undefined, under: string | undefined): KnownBlock[] {
  if (!notice) return [];
  if ('checking' in notice) {
    return [
      note(
        ':hourglass_flowing_sand: Checking… The answer appears here. Changes that you make now are not sent.',
        'checking',
      ),
    ];
  }
  if ('found' in notice) return notice.found;
  return under === undefined ? [section(errorMarkup(notice.error, operation), 'error')] : [];
}

/** Opens at once, because Slack gives three seconds. The form replaces it when the menus are loaded. */
export function loadingView(operation: Operation, form: Form): ModalView {
  return { ...shell(operation, form), blocks: [section(':hourglass_flowing_sand: Loading…', 'loading')] };
}

/** Replaces the form by its outcome. */
export function doneView(operation: Operation, receipt: Receipt, card: KnownBlock[] = []): ModalView {
  return {
    ...shell(operation),
    // The form behind it has done its work.
    clear_on_close: true,
    close: plain('Done', buttonLimit),
    blocks: [section(`${receiptIcon(receipt)} ${receiptMarkup(receipt)}`, 'done'), ...card],
  };
}

/** Replaces a form that cannot go on by a message. */
export function endedView(title: string, message: SlackMessage): ModalView {
  return {
    type: 'modal',
    title: plain(title, buttonLimit),
    close: plain('Close', buttonLimit),
    blocks: message.blocks,
  };
}

/** A receipt in words: its subject, its state, and the next step. */
export function receiptMarkup({ model_id: id, model = 'Done', state, next_step: next }: Receipt): string {
  return `*${escape(id ?? model)}*: ${escape(state.replaceAll('_', ' '))}\n${slackMarkup(next)}`;
}

export function receiptMessage(receipt: Receipt): SlackMessage {
  const text = receiptMarkup(receipt);
  return { text, blocks: [section(`${receiptIcon(receipt)} ${text}`)] };
}

function receiptIcon({ state }: Receipt): string {
  if (state === 'working') return ':hourglass_flowing_sand:';
  return state === 'awaiting_approval' ? ':raised_hand:' : ':white_check_mark:';
}

function shell(operation: Operation, form?: Form): Omit<ModalView, 'blocks'> {
  return {
    type: 'modal',
    callback_id: `${formPrefix}${operation.name}`,
    title: plain(operation.title, buttonLimit),
    close: plain('Cancel', buttonLimit),
    ...(form ? { private_metadata: writeForm(form), notify_on_close: true } : {}),
  };
}
