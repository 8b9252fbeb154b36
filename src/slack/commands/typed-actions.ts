import type { SlackViewMiddlewareArgs, ViewSubmitAction } from '@slack/bolt';
import type { ModalView } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import { randomId } from '../../core/base/ids.ts';
import type { Core } from '../../core/core.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import { readTyped, typedField, typedReason, typedView } from '../blocks/action-blocks.ts';
import type { TypedAction } from '../blocks/action-blocks.ts';
import { errorMessage } from '../blocks/error-text.ts';
import { escape } from '../blocks/text.ts';
import { endedView, receiptMessage } from '../forms/form-view.ts';
import { receiptSchema } from '../workspace/dependencies.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import { failureOf } from './failure.ts';

const usersShown = 20;

/** The form that deletes a model: it names what uses the model, and asks for the name. Throws `model_not_found`. */
export async function deleteModelView(core: Core, caller: Caller, name: string): Promise<ModalView> {
  const model = await core.execute('get_model', { model: name }, caller);
  const users = model.instances.slice(0, usersShown).map(({ id, state }) => `• Instance ${id} is ${state}`);
  const rest = model.instances.length - users.length;
  const action = {
    operation: 'delete_model',
    input: { model: model.name },
    key: randomId('slack'),
    expected: model.name,
  };
  return typedView(action, {
    title: 'Delete a model',
    verb: 'Delete',
    lines: [
      `*${escape(model.name)}* leaves the registry. Cached weights, history and audit stay.`,
      ...(users.length === 0 ? ['No instance uses it.'] : ['It is used by:', ...users]),
      ...(rest > 0 ? [`… and ${rest} more instances`] : []),
    ],
    label: `Type ${model.name} to delete it`,
  });
}

const glassWord = 'break glass';

/** The form that runs a request without its approvers. */
export async function breakGlassView(core: Core, caller: Caller, request: string): Promise<ModalView> {
  const approval = await core.execute('get_approval', { approval: request }, caller);
  const action = {
    operation: 'break_glass',
    input: { approval: String(approval.id) },
    key: randomId('slack'),
    expected: glassWord,
  };
  const lines = approval.summary.slice(0, 8).map((line) => `• ${escape(line).slice(0, 250)}`);
  return typedView(action, {
    title: 'Break glass',
    verb: 'Break glass',
    lines: [
      `:rotating_light: Request ${approval.id} runs now, without its approvers. All of them and every admin are told.`,
      ...lines,
    ],
    label: `Type "${glassWord}" to run it`,
    reason: true,
  });
}

/** Somebody sent a form that asks for a word. Nothing runs unless it is the right one. */
export async function onTyped(
  deps: SlackDeps,
  { ack, body, view }: SlackViewMiddlewareArgs<ViewSubmitAction>,
): Promise<void> {
  const who = whoIs(body, deps.core.access, deps.bots.home);
  if (!who) return ack();
  const action = readTyped(view.private_metadata);
  const typed = view.state.values[typedField]?.['field']?.value?.trim() ?? '';
  if (typed !== action.expected) {
    const errors = { [typedField]: `Type exactly: ${action.expected}` };
    return ack({ response_action: 'errors', errors });
  }
  const reason = view.state.values[typedReason]?.['field']?.value?.trim();
  const title = view.title.text;
  const work = (async (): Promise<ModalView> => {
    const caller = await callerOf(deps.core.access, who);
    if (!caller) return endedView(title, await strangerMessage(deps.core.access, who));
    return endedView(title, await runTyped(deps.core, caller, action, reason));
  })();
  const done = await within(work, deps.patience);
  if (done) return ack({ response_action: 'update', view: done });
  await ack({ response_action: 'update', view: endedView(title, { text: 'Working', blocks: workingBlocks }) });
  const bot = await deps.bots.of(who);
  await bot?.client.views.update({ view_id: view.id, view: await work });
}

const workingBlocks = receiptMessage({ state: 'working', next_step: 'The answer appears here.' }).blocks;

async function runTyped(core: Core, caller: Caller, action: TypedAction, reason: string | undefined) {
  const input = { ...action.input, reason, idempotency_key: `slack:${action.key}` };
  try {
    return receiptMessage(receiptSchema.parse(await core.execute(nameOf(action), input, caller)));
  } catch (thrown) {
    const error = failureOf(core, thrown, 'a confirmed action in Slack failed');
    return errorMessage(error, findOperation(action.operation));
  }
}

/** Only operations whose definition asks for a confirmation run from such a form or button. */
export function nameOf({ operation: name }: Pick<TypedAction, 'operation'>): string {
  const reach = findOperation(name)?.slack;
  if (reach && 'verb' in reach && reach.confirm) return name;
  throw new Error(`No button of ours runs ${name}.`);
}
