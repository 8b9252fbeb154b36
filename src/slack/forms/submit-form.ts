import type { SlackViewMiddlewareArgs, ViewClosedAction, ViewResponseAction, ViewSubmitAction } from '@slack/bolt';
import type { ModalView } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import { asEcolinkError } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import type { Bot } from '../connect/bots.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { Desk, Outcome, Where } from '../workspace/dependencies.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { hasNothingToChoose } from './field-block.ts';
import type { Choices } from './field-block.ts';
import { inputOf, readForm, visibleFields, withValues } from './form.ts';
import type { Form } from './form.ts';
import { doneView, endedView, formPrefix, formView, receiptMarkup } from './form-view.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { post } from '../messages/post.ts';
import { readChoices, readValues } from './read-values.ts';
import type { ShownBlock, ViewState } from './read-values.ts';
import { section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** A submission as it is worked on: the form with what was typed, and the menus that it showed. */
export interface Submission {
  operation: Operation;
  form: Form;
  choices: Choices;
}

interface ShownView {
  callback_id: string;
  private_metadata: string;
  blocks: readonly unknown[];
  state: { values: unknown };
}

/** What a view that Slack sends back is about, or undefined where it is not one of our forms. */
export function readSubmission(view: ShownView): Submission | undefined {
  const operation = findOperation(view.callback_id.slice(formPrefix.length));
  const form = readForm(view.private_metadata);
  if (!operation || !form) return undefined;
  const values = readValues(operation, form, view.state.values as ViewState);
  const choices = readChoices(operation, form, view.blocks as readonly ShownBlock[]);
  return { operation, form: withValues(operation, form, values), choices };
}

/**
 * A form was sent. What fails at once is answered in Slack's own way, under the field; what takes longer (the Hub) is
 * answered with the same form and a line that says so, and then with the outcome, here or by message.
 */
export async function onSubmit(
  desk: Desk,
  { ack, body, view, context }: SlackViewMiddlewareArgs<ViewSubmitAction> & Where,
): Promise<void> {
  const who = whoIs(body, desk.core.access, desk.bots.home);
  if (!who) return ack();
  const caller = await callerOf(desk.core.access, who);
  const submission = readSubmission(view);
  if (!caller) return ack(ended(view.title.text, await strangerMessage(desk.core.access, who)));
  if (!submission) return ack(ended(view.title.text, outdated));
  const { id } = submission.form;
  const ongoing = desk.awaited.get(id);
  // Sent again while it is worked on: the same answer, and nothing is begun a second time.
  const waiting = ongoing ?? { closed: false, work: run(desk, submission, caller) };
  desk.awaited.set(id, waiting);
  const outcome = await within(waiting.work, desk.patience);
  const acknowledged = await ack(outcome ? answerTo(submission, outcome) : checking(submission)).then(
    () => true,
    (thrown: unknown) => {
      desk.core.log.warn({ err: thrown }, 'Slack did not take the answer to a form');
      return false;
    },
  );
  if (ongoing) return;
  const settled = outcome ?? (await waiting.work);
  desk.awaited.delete(id);
  if (!outcome || !acknowledged)
    await deliver(desk, { submission, outcome: settled, view: view.id, who, waiting, bot: await botAt(desk, context) });
  await announce(desk, submission, caller, who, settled);
}

/** The form was closed; if its outcome is still awaited, that goes by message. */
export async function onClose(desk: Desk, { ack, view }: SlackViewMiddlewareArgs<ViewClosedAction>): Promise<void> {
  const waiting = desk.awaited.get(readForm(view.private_metadata)?.id ?? '');
  if (waiting) waiting.closed = true;
  await ack();
}

async function run({ core }: Desk, { operation, form }: Submission, caller: Caller): Promise<Outcome> {
  // The form's id as the key: Slack may deliver a submission twice, and a user may send it again after a lost answer.
  const key = 'idempotency_key' in operation.input.shape ? { idempotency_key: `slack:${form.id}` } : {};
  try {
    return { receipt: await core.execute(operation.name, { ...inputOf(operation, form.values), ...key }, caller) };
  } catch (thrown) {
    return { error: asEcolinkError(thrown, randomId('req')) };
  }
}

/** The form of another version of EcoLink, still open over its update. */
const outdated: SlackMessage = {
  text: 'This form is too old.',
  blocks: [section('This form is too old to be sent. Close it and type the command again.')],
};

function ended(title: string, message: SlackMessage): ViewResponseAction {
  return { response_action: 'update', view: endedView(title, message) };
}

function checking({ operation, form, choices }: Submission): ViewResponseAction {
  return { response_action: 'update', view: formView(operation, form, choices, { checking: true }) };
}

function answerTo(submission: Submission, outcome: Outcome): ViewResponseAction {
  if ('error' in outcome) {
    const { field } = outcome.error;
    if (field !== undefined && isInput(submission, field)) {
      return { response_action: 'errors', errors: { [field]: errorLine(outcome.error.toBody()) } };
    }
  }
  return { response_action: 'update', view: viewOf(submission, outcome) };
}

/** Slack takes an error only under an input that the view has. */
function isInput({ operation, form, choices }: Submission, name: string): boolean {
  const field = visibleFields(operation, form.values).find((each) => each.name === name);
  return field !== undefined && !hasNothingToChoose(field, choices[name]);
}

function viewOf({ operation, form, choices }: Submission, outcome: Outcome): ModalView {
  if ('receipt' in outcome) return doneView(operation, outcome.receipt);
  return formView(operation, form, choices, { error: outcome.error.toBody() });
}

interface Delivery {
  submission: Submission;
  outcome: Outcome;
  view: string;
  who: SlackUser;
  waiting: { closed: boolean };
  bot: Bot | undefined;
}

async function deliver(desk: Desk, { submission, outcome, view, who, waiting, bot }: Delivery): Promise<void> {
  if (!waiting.closed && bot) {
    try {
      await bot.client.views.update({ view_id: view, view: viewOf(submission, outcome) });
      return;
    } catch (thrown) {
      desk.core.log.debug({ err: thrown }, 'a form went away before its outcome was there');
    }
  }
  const title = section(`*${submission.operation.title}*`);
  const { text, blocks } = 'error' in outcome ? errorMessage(outcome.error.toBody()) : receiptMessage(outcome.receipt);
  await post(desk.bots, { user: who.user, at: who }, { text, blocks: [title, ...blocks] });
}

function receiptMessage(receipt: Record<string, unknown>) {
  const text = receiptMarkup(receipt);
  return { text, blocks: [section(`:white_check_mark: ${text}`)] };
}

/** An instance on its way gets a message that follows it, where the command was typed. */
async function announce(
  desk: Desk,
  { form }: Submission,
  caller: Caller,
  who: SlackUser,
  outcome: Outcome,
): Promise<void> {
  if ('error' in outcome || typeof outcome.receipt['instance'] !== 'number') return;
  const channel = form.channel ?? desk.core.config.slack.channel;
  const place = { user: who.user, at: who, ...(channel === undefined ? {} : { channel }) };
  await desk.live.follow(outcome.receipt['instance'], caller, place);
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
