import type { KnownBlock, ModalView } from '@slack/types';
import type { ErrorBody } from '../../core/base/errors.ts';
import { inputFields } from '../../core/operation/operation.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { inSlackWords } from '../blocks/command-text.ts';
import { errorMarkup } from '../blocks/error-text.ts';
import { fieldBlock } from './field-block.ts';
import type { Choices } from './field-block.ts';
import { isSwitch, safeValues, visibleFields, writeForm } from './form.ts';
import type { Form } from './form.ts';
import { asText, escape, note, plain, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** What a form says besides its fields. */
export type FormNotice = { checking: true } | { error: ErrorBody };

/** Slack's limits for a modal's title and buttons. */
const buttonLimit = 24;

/** Every form's callback id begins with this; the operation's name follows. */
export const formPrefix = 'form.';

/** An operation's form: a modal with its fields, what they hold, and what there is to say about them. */
export function formView(operation: Operation, form: Form, choices: Choices, notice?: FormNotice): ModalView {
  const all = inputFields(operation);
  const fields = visibleFields(operation, form.values);
  const values = safeValues(form.values);
  const error = notice && 'error' in notice ? notice.error : undefined;
  const under = fields.find((field) => field.name === error?.field)?.name;
  const blocks = fields.flatMap((field) => {
    const block = fieldBlock(field, values[field.name], choices[field.name], isSwitch(field, all));
    return error && under === field.name ? [block, section(errorMarkup(error), `error.${under}`)] : [block];
  });
  return {
    ...shell(operation, form),
    submit: plain(operation.title.split(' ')[0] ?? 'Send', buttonLimit),
    blocks: [...noticesOf(notice, under), ...blocks],
  };
}

function noticesOf(notice: FormNotice | undefined, under: string | undefined): KnownBlock[] {
  if (!notice) return [];
  if ('checking' in notice) {
    return [
      note(
        ':hourglass_flowing_sand: Checking… This form answers here; what you change meanwhile is not sent.',
        'checking',
      ),
    ];
  }
  return under === undefined ? [section(errorMarkup(notice.error), 'error')] : [];
}

/** Opened at once, since Slack gives three seconds, and replaced when the menus are there. */
export function loadingView(operation: Operation, form: Form): ModalView {
  return { ...shell(operation, form), blocks: [section(':hourglass_flowing_sand: Loading…', 'loading')] };
}

/** What came of it, in place of the form. */
export function doneView(operation: Operation, receipt: Record<string, unknown>): ModalView {
  const icon = receipt['state'] === 'awaiting_approval' ? ':raised_hand:' : ':white_check_mark:';
  return {
    ...shell(operation),
    close: plain('Done', buttonLimit),
    blocks: [section(`${icon} ${receiptMarkup(receipt)}`, 'done')],
  };
}

/** A form that cannot go on: what the user reads in its place. */
export function endedView(title: string, message: SlackMessage): ModalView {
  return {
    type: 'modal',
    title: plain(title, buttonLimit),
    close: plain('Close', buttonLimit),
    blocks: message.blocks,
  };
}

/** A mutation's receipt in words: what it is about, its state, and what to do next. */
export function receiptMarkup(receipt: Record<string, unknown>): string {
  const subject = asText(receipt['model_id']) ?? asText(receipt['model']) ?? 'Done';
  const state = typeof receipt['state'] === 'string' ? `: ${escape(receipt['state'].replaceAll('_', ' '))}` : '';
  const next = typeof receipt['next_step'] === 'string' ? `\n${inSlackWords(escape(receipt['next_step']))}` : '';
  return `*${escape(subject)}*${state}${next}`;
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
