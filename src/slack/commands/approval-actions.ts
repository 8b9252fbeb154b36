import type {
  BlockAction,
  ButtonAction,
  SlackActionMiddlewareArgs,
  SlackViewMiddlewareArgs,
  ViewSubmitAction,
} from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import {
  approvalMessage,
  approvalsMessage,
  denyId,
  readReasonFor,
  reasonField,
  reasonView,
} from '../blocks/approval-blocks.ts';
import type { ReasonFor } from '../blocks/approval-blocks.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { SlackDeps, EventContext } from '../workspace/dependencies.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { failureOf } from './failure.ts';
import { openView } from '../forms/open-form.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** `/ecolink approvals [request]`. */
export async function approvalsReply({ core }: SlackDeps, caller: Caller, request: string): Promise<SlackMessage> {
  if (request !== '') return approvalMessage(await core.execute('get_approval', { approval: request }, caller));
  const { items } = await core.execute('list_approvals', { state: 'pending' }, caller);
  return approvalsMessage(items);
}

type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & EventContext;

/** Somebody clicked Approve or Deny. The message may be old: core decides whether the click still counts. */
export async function onDecide(deps: SlackDeps, { ack, action, body, respond, context }: Click): Promise<void> {
  await ack();
  const who = whoIs(body, deps.core.access, deps.bots.home);
  if (!who) return;
  const id = action.value ?? '';
  const answer = async (message: SlackMessage): Promise<void> => {
    await respond({ response_type: 'ephemeral', replace_original: false, ...message });
  };
  const caller = await callerOf(deps.core.access, who);
  if (!caller) return answer(await strangerMessage(deps.core.access, who));
  try {
    await decide(deps, { id, caller, clicked: action.action_id }, { body, respond, context });
  } catch (thrown) {
    await answer(errorMessage(failureOf(deps.core, thrown, failed)));
  }
  // The message may be out of date, and the click shows it.
  await deps.approvals.refresh(Number(id));
}

const failed = 'a decision in Slack failed';

async function decide(
  deps: SlackDeps,
  { id, caller, clicked }: { id: string; caller: Caller; clicked: string },
  { body, respond, context }: Pick<Click, 'body' | 'respond' | 'context'>,
): Promise<void> {
  const askWhy = async (operation: ReasonFor['operation']): Promise<void> => {
    const bot = await botAt(deps, context);
    if (bot) await openView(bot, body.trigger_id, reasonView({ id, operation }));
  };
  if (clicked === denyId) return askWhy('deny_request');
  try {
    const approval = await deps.core.execute('approve_request', { approval: id }, caller);
    if (body.container['is_ephemeral'] === true)
      await respond({ replace_original: true, ...approvalMessage(approval) });
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'reason_missing') throw thrown;
    await askWhy('approve_request');
  }
}

/** The form with the reason was sent. */
export async function onReason(
  deps: SlackDeps,
  { ack, body, view }: SlackViewMiddlewareArgs<ViewSubmitAction>,
): Promise<void> {
  const who = whoIs(body, deps.core.access, deps.bots.home);
  const caller = who && (await callerOf(deps.core.access, who));
  if (!caller)
    return ack({
      response_action: 'errors',
      errors: { [reasonField]: 'You may not decide on requests. Ask an admin for a role.' },
    });
  const { id, operation } = readReasonFor(view.private_metadata);
  const reason = view.state.values[reasonField]?.['field']?.value ?? '';
  try {
    await deps.core.execute(operation, { approval: id, reason }, caller);
    await ack();
  } catch (thrown) {
    const line = errorLine(failureOf(deps.core, thrown, failed), findOperation(operation));
    await ack({ response_action: 'errors', errors: { [reasonField]: line } });
  }
  await deps.approvals.refresh(Number(id));
}
