import type { SlackViewMiddlewareArgs, ViewClosedAction, ViewResponseAction, ViewSubmitAction } from '@slack/bolt';
import type { KnownBlock, ModalView } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import { asEcolinkError } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import { modelMessage } from '../blocks/model-blocks.ts';
import { modelRights } from '../commands/list-replies.ts';
import type { Core } from '../../core/core.ts';
import type { Bot } from '../connect/bots.ts';
import { botAt, receiptSchema } from '../workspace/dependencies.ts';
import type { EventContext, Outcome, Receipt, SlackDeps } from '../workspace/dependencies.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { hasNothingToChoose } from './field-block.ts';
import type { Choices } from './field-block.ts';
import { blockOf, inputOf, readForm, visibleFields, withValues } from './form.ts';
import type { Form } from './form.ts';
import { doneView, endedView, formPrefix, formView, receiptMessage } from './form-view.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import type { SlackUser } from '../workspace/people.ts';
import { post } from '../messages/post.ts';
import { blocksSchema, readChoices, readValues, stateSchema } from './read-values.ts';
import { section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** A submission: the form with its values, and the menus that it showed. */
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

/** Reads a view that Slack sends back. Undefined if it is not one of our forms. */
export function readSubmission(view: ShownView): Submission | undefined {
  const operation = findOperation(view.callback_id.slice(formPrefix.length));
  const form = readForm(view.private_metadata);
  const state = stateSchema.safeParse(view.state.values);
  const blocks = blocksSchema.safeParse(view.blocks);
  if (!operation || !form || !state.success || !blocks.success) return undefined;
  const values = readValues(operation, form, state.data);
  const choices = readChoices(operation, form, blocks.data);
  return { operation, form: withValues(operation, form, values), choices };
}

/**
 * Somebody sent a form. An error that comes at once is shown under its field. If the work takes longer (the Hub), the
 * form says so, and the outcome follows in the form or as a message.
 */
export async function onSubmit(
  deps: SlackDeps,
  { ack, body, view, context }: SlackViewMiddlewareArgs<ViewSubmitAction> & EventContext,
): Promise<void> {
  const who = whoIs(body, deps.core.access, deps.bots.home);
  if (!who) return ack();
  const submission = readSubmission(view);
  if (!submission) {
    const known = await within(callerOf(deps.core.access, who), deps.patience);
    return ack(ended(view.title.text, known ? outdated : await strangerMessage(deps.core.access, who)));
  }
  const { id } = submission.form;
  const ongoing = deps.awaited.get(id);
  // Sent again while the work goes on: the same answer, and the work does not start twice.
  const waiting = ongoing ?? { closed: false, work: run(deps, submission, who) };
  deps.awaited.set(id, waiting);
  const outcome = await within(waiting.work, deps.patience);
  const acknowledged = await ack(outcome ? answerTo(submission, outcome) : checking(submission)).then(
    () => true,
    (thrown: unknown) => {
      deps.core.log.warn({ err: thrown }, 'Slack did not take the answer to a form');
      return false;
    },
  );
  if (ongoing) return;
  const settled = outcome ?? (await within(waiting.work, longestMs)) ?? takenTooLong;
  deps.awaited.delete(id);
  if (!outcome || !acknowledged)
    await deliver(deps, { submission, outcome: settled, view: view.id, who, waiting, bot: await botAt(deps, context) });
  if ('receipt' in settled) {
    await announce(deps, submission.form.channel ?? deps.core.config.slack.channel, settled.caller, who, settled);
  }
  if (settled === takenTooLong) {
    const outcome = await waiting.work;
    await post(deps.bots, { user: who.user, at: who }, messageOf(submission, outcome));
  }
}

/** How long a form may say *Checking…*. After that the outcome comes by direct message. */
const longestMs = 60_000;

const takenTooLong: Outcome = {
  ended: {
    text: 'This takes longer',
    blocks: [section(':hourglass_flowing_sand: This takes longer. You get a direct message when it is done.')],
  },
};

/** Somebody closed the form. An outcome that is still to come goes into a message. */
export async function onClose(
  deps: SlackDeps,
  { ack, view }: SlackViewMiddlewareArgs<ViewClosedAction>,
): Promise<void> {
  const waiting = deps.awaited.get(readForm(view.private_metadata)?.id ?? '');
  if (waiting) waiting.closed = true;
  await ack();
}

async function run({ core }: SlackDeps, { operation, form }: Submission, who: SlackUser): Promise<Outcome> {
  // The form's id as the key: Slack may deliver a submission twice, and a user may send it again after a lost answer.
  const key = 'idempotency_key' in operation.input.shape ? { idempotency_key: `slack:${form.id}` } : {};
  try {
    const caller = await callerOf(core.access, who);
    if (!caller) return { ended: await strangerMessage(core.access, who) };
    const input = { ...inputOf(operation, form.values), ...key };
    const receipt = receiptSchema.parse(await core.execute(operation.name, input, caller));
    return { receipt, caller, card: await cardOf(core, caller, operation, receipt) };
  } catch (thrown) {
    return { error: asEcolinkError(thrown, randomId('req')) };
  }
}

/** A new model is shown in full, with its button *Launch*. */
async function cardOf(
  core: Core,
  caller: Caller,
  { name }: Operation,
  { state, model }: Receipt,
): Promise<KnownBlock[]> {
  if (name !== 'register_model' || state !== 'registered' || model === undefined) return [];
  const found = await core.execute('get_model', { model }, caller).catch(() => undefined);
  return found ? modelMessage(found, modelRights(caller, found.owner)).blocks : [];
}

/** A form of another version of EcoLink, open since before the update. */
const outdated: SlackMessage = {
  text: 'This form is too old.',
  blocks: [section('This form is too old. Close it and type the command again.')],
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
      const line = errorLine(outcome.error, submission.operation);
      return { response_action: 'errors', errors: { [blockOf(submission.form, field)]: line } };
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
  if ('receipt' in outcome) return doneView(operation, outcome.receipt, outcome.card);
  if ('ended' in outcome) return endedView(operation.title, outcome.ended);
  return formView(operation, form, choices, { error: outcome.error });
}

interface Delivery {
  submission: Submission;
  outcome: Outcome;
  view: string;
  who: SlackUser;
  waiting: { closed: boolean };
  bot: Bot | undefined;
}

async function deliver(deps: SlackDeps, { submission, outcome, view, who, waiting, bot }: Delivery): Promise<void> {
  if (!waiting.closed && bot) {
    try {
      await bot.client.views.update({ view_id: view, view: viewOf(submission, outcome) });
      return;
    } catch (thrown) {
      deps.core.log.debug({ err: thrown }, 'a form was closed before its outcome was there');
    }
  }
  if (outcome !== takenTooLong) await post(deps.bots, { user: who.user, at: who }, messageOf(submission, outcome));
}

/** The outcome as a direct message. */
function messageOf({ operation }: Submission, outcome: Outcome): SlackMessage {
  const title = section(`*${operation.title}*`);
  if ('ended' in outcome) return { text: outcome.ended.text, blocks: [title, ...outcome.ended.blocks] };
  if ('error' in outcome) {
    const { text, blocks } = errorMessage(outcome.error, operation);
    return { text, blocks: [title, ...blocks] };
  }
  const { text, blocks } = receiptMessage(outcome.receipt);
  return { text, blocks: [title, ...blocks, ...(outcome.card ?? [])] };
}

/** A new instance gets a message that follows it: in the channel, else by direct message. */
export async function announce(
  deps: SlackDeps,
  channel: string | undefined,
  caller: Caller,
  who: SlackUser,
  { receipt }: { receipt: Receipt },
): Promise<void> {
  if (receipt.instance === undefined) return;
  await deps.live.follow(receipt.instance, caller, { user: who.user, at: who, channel });
}
