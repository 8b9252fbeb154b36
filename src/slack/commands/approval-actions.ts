import type { SlackViewMiddlewareArgs, ViewResponseAction, ViewSubmitAction } from '@slack/bolt';
import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError } from '../../core/base/errors.ts';
import type { MessageKey } from '../../core/core.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import {
  approvalMessage,
  approvalsMessage,
  approveId,
  cancelId,
  denyId,
  detailsMessage,
  heardMessage,
  readReasonFor,
  reasonField,
  reasonView,
} from '../blocks/approval-blocks.ts';
import type { Approval, ReasonFor } from '../blocks/approval-blocks.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { endedView } from '../forms/form-view.ts';
import { openView } from '../forms/open-form.ts';
import { namesIn } from '../outbox/places.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import { adoptClicked, answerClick, clickedPost } from './click.ts';
import type { Click } from './click.ts';
import { failureOf } from './failure.ts';

const failed = 'a decision in Slack failed';
/** How long a form waits before it says that the work goes on. Slack gives three seconds. */
const patienceMs = 700;
/** When the outbox mends a post that a click changed and nobody finished. */
const mendAfterMs = 10_000;

/** `/ecolink approvals [request]`. */
export async function approvalsReply({ core }: SlackDeps, caller: Caller, request: string): Promise<SlackMessage> {
  if (request === '') {
    const { items } = await core.execute('list_approvals', { state: 'pending' }, caller);
    return approvalsMessage(items);
  }
  const { id } = await core.execute('get_approval', { approval: request }, caller);
  const approval = await core.approvals.view(id);
  if (!approval) throw new Error(`Request ${id} is gone.`);
  return approvalMessage(approval);
}

/** Somebody clicked a button of a request. The message may be old: core decides whether the click still counts. */
export async function onRequestButton(deps: SlackDeps, click: Click): Promise<void> {
  const { ack, action, body } = click;
  await ack();
  const who = whoIs(body, deps.core.access, deps.bots.home);
  const id = Number(action.value);
  if (!who || !Number.isSafeInteger(id)) return;
  const finding = callerOf(deps.core.access, who).then((caller) => ({ caller }));
  // Slack may be slow to tell about the person, and a form must open within three seconds. Core looks again when it is sent.
  const found = action.action_id === denyId ? await within(finding, patienceMs) : await finding;
  if (found && !found.caller) return answerClick(click, await strangerMessage(deps.core.access, who));
  if (found?.caller && action.action_id !== denyId) await act(deps, click, id, { who, caller: found.caller });
  else await askWhy(deps, click, { id: String(id), operation: 'deny_request' });
  // The message may be out of date, and the click shows it.
  await adoptClicked(deps, click, keyOf(id));
  await deps.approvals.refresh(id);
}

function keyOf(id: number): MessageKey {
  return { topic: 'approval', subject: id, about: 'request' };
}

async function act(
  deps: SlackDeps,
  click: Click,
  id: number,
  { who, caller }: { who: SlackUser; caller: Caller },
): Promise<void> {
  const heard = new HeardClick(deps, click, id, who);
  try {
    await run(deps, click, id, caller, heard);
  } catch (thrown) {
    await heard.undo();
    await answerClick(click, errorMessage(failureOf(deps.core, thrown, failed)));
  }
}

async function run(deps: SlackDeps, click: Click, id: number, caller: Caller, heard: HeardClick): Promise<void> {
  const { core } = deps;
  const approval = String(id);
  switch (click.action.action_id) {
    case approveId:
      await heard.show(caller);
      try {
        await core.execute('approve_request', { approval }, caller);
      } catch (thrown) {
        if (!(thrown instanceof EcolinkError) || thrown.code !== 'reason_missing') throw thrown;
        await heard.undo();
        return askWhy(deps, click, { id: approval, operation: 'approve_request' });
      }
      return heard.finish();
    case cancelId:
      await core.execute('cancel_request', { approval }, caller);
      return heard.finish();
    default: {
      await core.execute('get_approval', { approval }, caller);
      const found = await core.approvals.view(id);
      return found && answerClick(click, detailsMessage(found));
    }
  }
}

/** What the clicked message shows: that the click was heard, and then what came of it. Slack changes it at once. */
class HeardClick {
  readonly #deps: SlackDeps;
  readonly #click: Click;
  readonly #id: number;
  readonly #who: SlackUser;
  #isShown = false;

  constructor(deps: SlackDeps, click: Click, id: number, who: SlackUser) {
    this.#deps = deps;
    this.#click = click;
    this.#id = id;
    this.#who = who;
  }

  /** Only where the person may see the request: the message says no more than it did. */
  async show(caller: Caller): Promise<void> {
    const { core } = this.#deps;
    await core.execute('get_approval', { approval: String(this.#id) }, caller);
    const approval = await core.approvals.view(this.#id);
    if (approval?.state !== 'pending') return;
    this.#isShown = true;
    const post = clickedPost(this.#click.body);
    // If this server dies now, the outbox brings the buttons back.
    if (post) await core.outbox.touched(post.channel, post.ts, keyOf(this.#id), mendAfterMs);
    await this.#replace(heardMessage(approval, this.#who.user, await this.#audience(approval)));
  }

  /** The decision did not count: the message has its buttons again. */
  async undo(): Promise<void> {
    if (this.#isShown) await this.finish();
    this.#isShown = false;
  }

  async finish(): Promise<void> {
    const approval = await this.#deps.core.approvals.view(this.#id);
    if (approval) await this.#replace(approvalMessage(approval, await this.#audience(approval)));
  }

  async #audience({ requester, approvers, votes }: Approval) {
    const bot = await botAt(this.#deps, this.#click.context);
    const people = [requester, ...approvers, ...votes.map(({ person }) => person)];
    return namesIn(this.#deps.core, bot === undefined ? '' : (bot.workspace.enterprise ?? bot.id), [
      ...new Set(people),
    ]);
  }

  /** If Slack does not take it, the outbox shows it a moment later. */
  async #replace(message: SlackMessage): Promise<void> {
    const { log } = this.#deps.core;
    await this.#click.respond({ replace_original: true, ...message }).catch((thrown: unknown) => {
      log.warn(
        { reason: thrown instanceof Error ? thrown.message : String(thrown) },
        'a clicked message stays as it was',
      );
    });
  }
}

async function askWhy(deps: SlackDeps, click: Click, about: ReasonFor): Promise<void> {
  try {
    const bot = await botAt(deps, click.context);
    if (bot) await openView(bot, click.body.trigger_id, reasonView(about));
  } catch (thrown) {
    await answerClick(click, errorMessage(failureOf(deps.core, thrown, failed)));
  }
}

/** The form with the reason was sent. If the work takes long, the form says so, and shows the outcome later. */
export async function onReason(
  deps: SlackDeps,
  { ack, body, view, context }: SlackViewMiddlewareArgs<ViewSubmitAction> & EventContext,
): Promise<void> {
  const about = readReasonFor(view.private_metadata);
  const who = whoIs(body, deps.core.access, deps.bots.home);
  const reason = view.state.values[reasonField]?.['field']?.value ?? '';
  const work = who ? decide(deps, about, reason, who) : Promise.resolve(refusal);
  const outcome = await within(work, patienceMs);
  if (outcome) await ack(outcome.error === undefined ? undefined : underField(outcome.error));
  else {
    await ack(updated(view.title.text, 'EcoLink works on it…'));
    const { error } = await work;
    const bot = await botAt(deps, context);
    const text = error ?? 'It is decided. The message of the request shows it.';
    // The form may be closed. The message shows the outcome in any case.
    await bot?.client.views
      .update({ view_id: view.id, view: endedView(view.title.text, { text, blocks: [section(text)] }) })
      .catch((thrown: unknown) =>
        deps.core.log.debug({ err: thrown }, 'a form was closed before its outcome was there'),
      );
  }
  await deps.approvals.refresh(Number(about.id));
}

interface Decision {
  error?: string;
}

const refusal: Decision = { error: 'You may not decide on requests. Ask an admin for a role.' };

async function decide(
  deps: SlackDeps,
  { id, operation }: ReasonFor,
  reason: string,
  who: SlackUser,
): Promise<Decision> {
  const caller = await callerOf(deps.core.access, who);
  if (!caller) return refusal;
  try {
    await deps.core.execute(operation, { approval: id, reason }, caller);
    return {};
  } catch (thrown) {
    return { error: errorLine(failureOf(deps.core, thrown, failed), findOperation(operation)) };
  }
}

function underField(error: string): ViewResponseAction {
  return { response_action: 'errors', errors: { [reasonField]: error } };
}

function updated(title: string, text: string): ViewResponseAction {
  return { response_action: 'update', view: endedView(title, { text, blocks: [section(text)] }) };
}
