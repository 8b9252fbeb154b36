import type {
  BlockAction,
  ButtonAction,
  SlackActionMiddlewareArgs,
  SlackViewMiddlewareArgs,
  ViewSubmitAction,
} from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import { approvalMessage, approvalsMessage, denyId, reasonField, reasonView } from '../blocks/approval-blocks.ts';
import type { Approval, ApprovalSummary, ReasonFor } from '../blocks/approval-blocks.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { Desk, Where } from '../workspace/dependencies.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { failureOf } from './failure.ts';
import { openView } from '../forms/open-form.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** `/ecolink approvals [request]`. */
export async function approvalsReply({ core }: Desk, caller: Caller, request: string): Promise<SlackMessage> {
  if (request !== '')
    return approvalMessage((await core.execute('get_approval', { approval: request }, caller)) as Approval);
  const page = (await core.execute('list_approvals', { state: 'pending' }, caller)) as { items: ApprovalSummary[] };
  return approvalsMessage(page.items);
}

type Click = SlackActionMiddlewareArgs<BlockAction<ButtonAction>> & Where;

/** Approve or Deny was clicked, on a message of any age: whether it still counts, core says. */
export async function onDecide(desk: Desk, { ack, action, body, respond, context }: Click): Promise<void> {
  await ack();
  const who = whoIs(body, desk.core.access, desk.bots.home);
  if (!who) return;
  const id = action.value ?? '';
  const say = async (message: SlackMessage): Promise<void> => {
    await respond({ response_type: 'ephemeral', replace_original: false, ...message });
  };
  const caller = await callerOf(desk.core.access, who);
  if (!caller) return say(await strangerMessage(desk.core.access, who));
  try {
    await decide(desk, { id, caller, clicked: action.action_id }, { body, respond, context });
  } catch (thrown) {
    await say(errorMessage(failureOf(desk.core, thrown, failed).toBody()));
  }
  // The click may be the news that what this message shows is not true any more.
  await desk.approvals.refresh(Number(id));
}

const failed = 'a decision in Slack failed';

async function decide(
  desk: Desk,
  { id, caller, clicked }: { id: string; caller: Caller; clicked: string },
  { body, respond, context }: Pick<Click, 'body' | 'respond' | 'context'>,
): Promise<void> {
  const askWhy = async (operation: ReasonFor['operation']): Promise<void> => {
    const bot = await botAt(desk, context);
    if (bot) await openView(bot, body.trigger_id, reasonView({ id, operation }));
  };
  if (clicked === denyId) return askWhy('deny_request');
  try {
    const approval = (await desk.core.execute('approve_request', { approval: id }, caller)) as Approval;
    if (body.container['is_ephemeral'] === true)
      await respond({ replace_original: true, ...approvalMessage(approval) });
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || thrown.code !== 'reason_missing') throw thrown;
    await askWhy('approve_request');
  }
}

/** The form with the reason was sent. */
export async function onReason(
  desk: Desk,
  { ack, body, view }: SlackViewMiddlewareArgs<ViewSubmitAction>,
): Promise<void> {
  const who = whoIs(body, desk.core.access, desk.bots.home);
  const caller = who && (await callerOf(desk.core.access, who));
  if (!caller) return ack({ response_action: 'errors', errors: { [reasonField]: 'You may not decide on requests.' } });
  const { id, operation } = JSON.parse(view.private_metadata) as ReasonFor;
  const reason = view.state.values[reasonField]?.['field']?.value ?? '';
  try {
    await desk.core.execute(operation, { approval: id, reason }, caller);
    await ack();
  } catch (thrown) {
    const error = failureOf(desk.core, thrown, failed);
    await ack({ response_action: 'errors', errors: { [reasonField]: errorLine(error.toBody()) } });
  }
  await desk.approvals.refresh(Number(id));
}
