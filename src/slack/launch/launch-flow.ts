import type {
  BlockAction,
  SlackActionMiddlewareArgs,
  SlackViewMiddlewareArgs,
  ViewResponseAction,
  ViewSubmitAction,
} from '@slack/bolt';
import type { ModalView } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import type { EcolinkError } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';
import { looksLikeToken } from '../../core/base/secret-shapes.ts';
import type { Core } from '../../core/core.ts';
import { operations } from '../../core/operations/catalogue.ts';
import { errorLine, errorMessage } from '../blocks/error-text.ts';
import { section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { refuseTyped } from '../commands/credential.ts';
import { failureOf } from '../commands/failure.ts';
import type { Bot } from '../connect/bots.ts';
import { doneView, endedView, receiptMessage } from '../forms/form-view.ts';
import { openView } from '../forms/open-form.ts';
import { announce } from '../forms/submit-form.ts';
import { updateOpen } from '../forms/update-view.ts';
import { post } from '../messages/post.ts';
import { botAt, receiptSchema } from '../workspace/dependencies.ts';
import type { EventContext, Receipt, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, strangerMessage, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import {
  cardChannel,
  launchInput,
  launchTerms,
  newLaunchForm,
  readLaunchForm,
  writeLaunchForm,
} from './launch-form.ts';
import type { LaunchForm } from './launch-form.ts';
import { launchLoadingView, launchView } from './launch-view.ts';
import { tryAgain } from './model-options.ts';
import { findModel, gatherFacts, planStep } from './plan-step.ts';
import { planLoadingView, planView } from './plan-view.ts';
import { readQuickLaunch } from './quick-arguments.ts';
import { readLaunchView } from './read-launch.ts';

const launch = operations.launch_instance;
const failed = 'a launch from Slack failed';

interface Opening {
  given: string;
  triggerId: string;
  channel: string | undefined;
  onTop: boolean;
}

/** Opens the launch form. A line that says everything opens its plan. Nothing runs from the typed line alone. */
export async function openLaunch({ core }: SlackDeps, bot: Bot, caller: Caller, opening: Opening): Promise<void> {
  const empty = newLaunchForm(opening.channel, {}, []);
  const id = await openView(bot, opening.triggerId, launchLoadingView(empty), opening.onTop);
  if (id === undefined) return;
  const view = await firstView(core, caller, empty, opening.given).catch((thrown: unknown) =>
    endedView('Launch a model', errorMessage(failureOf(core, thrown, failed), launch)),
  );
  await updateOpen(bot, { view_id: id, view });
}

async function firstView(core: Core, caller: Caller, empty: LaunchForm, given: string): Promise<ModalView> {
  const form = await formOfLine(core, caller, empty, given);
  const says = Object.entries(form.choices).filter(([, value]) => value !== undefined).length;
  // The name of a model alone leaves everything else to choose.
  if (form.choices.model !== undefined && says > 1 && form.unclear.length === 0) {
    try {
      const step = await planStep(core, caller, form);
      if ('facts' in step) return planView({ ...form, root: true }, step.facts);
      return formWith(core, caller, growing(form, step.wanted), step.error);
    } catch (thrown) {
      return formWith(core, caller, form, failureOf(core, thrown, failed));
    }
  }
  return formWith(core, caller, form);
}

async function formOfLine(core: Core, caller: Caller, empty: LaunchForm, given: string): Promise<LaunchForm> {
  const { items } = await core.execute('list_regions', { limit: 100 }, caller);
  const { choices, unclear } = readQuickLaunch(given, {
    regions: items.map(({ name }) => name),
    accelerators: items.flatMap(({ accelerators }) => accelerators.map(({ name }) => name)),
    runtimes: items.flatMap(({ runtimes }) => runtimes),
  });
  if (choices.model === undefined) return { ...empty, choices, unclear };
  const model = await modelMeant(core, caller, choices.model);
  if (model !== undefined) return { ...empty, choices: { ...choices, model }, unclear };
  return { ...empty, choices: { ...choices, model: undefined }, unclear: [choices.model, ...unclear] };
}

/** The model with this name, else the only one that has the word in its name or source. */
async function modelMeant(core: Core, caller: Caller, word: string): Promise<string | undefined> {
  const exact = await findModel(core, caller, word);
  if (exact) return exact.name;
  const { items } = await core.execute('list_models', { query: word.slice(0, 100), limit: 2 }, caller);
  return items.length === 1 ? items[0]?.name : undefined;
}

/** The form with one more field that the policy wants. */
function growing(form: LaunchForm, wanted: LaunchForm['wanted'][number]): LaunchForm {
  return { ...form, wanted: [...new Set([...form.wanted, wanted])] };
}

async function formWith(core: Core, caller: Caller, form: LaunchForm, error?: EcolinkError): Promise<ModalView> {
  return launchView(form, await gatherFacts(core, caller, form), error);
}

type Submission = SlackViewMiddlewareArgs<ViewSubmitAction> & EventContext;

/** The form was sent: the plan comes on top of it, so that *Back* keeps the form. */
export async function onPlan(deps: SlackDeps, { ack, body, view, context }: Submission): Promise<void> {
  const { core } = deps;
  const who = whoIs(body, core.access, deps.bots.home);
  if (!who) return ack();
  const form = readLaunchView(view);
  if (!form) return ack({ response_action: 'update', view: endedView(view.title.text, outdated) });
  const refused = refuse(form);
  if (refused) return ack({ response_action: 'errors', errors: refused });
  const work = answerToForm(core, who, form);
  const answer = await within(work, deps.patience);
  if (answer) return ack(answer);
  const externalId = randomId('plan');
  await ack({ response_action: 'push', view: planLoadingView(form, externalId) });
  const bot = await botAt(deps, context);
  if (!bot) return;
  const late = (await within(work, longestWaitMs)) ?? { response_action: 'push', view: tooLong };
  await updateOpen(bot, { external_id: externalId, view: onTop(late) });
  // The field that the policy wants is in the form below.
  if (late.response_action === 'update') await updateOpen(bot, { view_id: view.id, view: late.view });
}

/** What a form may wait for in all. After that it says so. */
const longestWaitMs = 60_000;

const tooLong = endedView('The plan', {
  text: 'The regions do not answer.',
  blocks: [section('The regions do not answer. Nothing was launched. Close this and try again in a minute.')],
});

type FormAnswer =
  | { response_action: 'push'; view: ModalView }
  | { response_action: 'update'; view: ModalView }
  | { response_action: 'errors'; errors: Record<string, string> };

/** What the pushed view shows of an answer that came late. */
function onTop(answer: FormAnswer): ModalView {
  if (answer.response_action === 'push') return answer.view;
  const said =
    answer.response_action === 'errors'
      ? Object.values(answer.errors).join('\n')
      : 'Something is missing. Go back: the form says what.';
  return endedView('The plan', { text: said, blocks: [section(`:warning: ${said}`)] });
}

async function answerToForm(core: Core, who: SlackUser, form: LaunchForm): Promise<FormAnswer> {
  const caller = await callerOf(core.access, who);
  if (!caller) {
    const view = endedView('Launch a model', await strangerMessage(core.access, who));
    return { response_action: 'update', view };
  }
  try {
    const step = await planStep(core, caller, form);
    if ('facts' in step) return { response_action: 'push', view: planView(form, step.facts) };
    const view = await formWith(core, caller, growing(form, step.wanted), step.error);
    return { response_action: 'update', view };
  } catch (thrown) {
    return refusal(core, caller, form, failureOf(core, thrown, failed));
  }
}

/** The block under which Slack shows the error of a field. Other fields have none: the form says it at its top. */
const blockOfField: Readonly<Record<string, string>> = {
  model: 'model',
  replicas: 'replicas',
  stop_after: 'stop_after',
  reason: 'reason',
};

async function refusal(core: Core, caller: Caller, form: LaunchForm, error: EcolinkError): Promise<FormAnswer> {
  const block = blockOfField[error.field ?? ''];
  if (block !== undefined) return { response_action: 'errors', errors: { [block]: errorLine(error, launch) } };
  return { response_action: 'update', view: await formWith(core, caller, form, error) };
}

/** What can be told from the form alone, by block. Undefined if nothing is wrong. */
function refuse(form: LaunchForm): Record<string, string> | undefined {
  const { choices } = form;
  if (choices.model === undefined) return { model: 'Choose a model.' };
  if (choices.model === tryAgain) return { model: 'The list did not load. Open the menu again, and choose a model.' };
  // Slack keeps the state of a form, so a token must not get there.
  if (looksLikeToken(choices.reason ?? '')) return { reason: errorLine(refuseTyped()) };
  if (looksLikeToken((choices.arguments ?? []).join(' '))) return { arguments: errorLine(refuseTyped()) };
  if (writeLaunchForm({ ...form, digest: 'x'.repeat(100) }) === undefined) {
    const block = form.more ? 'arguments' : 'reason';
    return { [block]: 'This is too long for a form of Slack. Make it shorter.' };
  }
  return undefined;
}

const outdated: SlackMessage = {
  text: 'This form is too old.',
  blocks: [section('This form is too old. Close it and type the command again.')],
};

/** The plan was accepted: launches exactly it, or asks for approval. If it has changed, the new one is shown. */
export async function onLaunch(deps: SlackDeps, { ack, body, view, context }: Submission): Promise<void> {
  const { core } = deps;
  const who = whoIs(body, core.access, deps.bots.home);
  if (!who) return ack();
  const form = readLaunchForm(view.private_metadata);
  if (form?.digest === undefined) return ack(update(endedView('Launch a model', outdated)));
  const work = launchNow(core, who, form);
  const answer = await within(work, deps.patience);
  await ack(update(answer?.view ?? workingView));
  const settled = answer ?? (await within(work, longestWaitMs)) ?? { view: stillWorking, late: true };
  if (!answer) await showLate(deps, { bot: await botAt(deps, context), viewId: view.id, who, settled });
  if ('late' in settled) return tellLater(deps, who, work);
  if (settled.receipt && settled.caller) {
    await announce(deps, cardChannel(form), settled.caller, who, { receipt: settled.receipt });
  }
}

function update(view: ModalView): ViewResponseAction {
  return { response_action: 'update', view };
}

const workingView = endedView('Launch a model', {
  text: 'Working',
  blocks: [section(':hourglass_flowing_sand: Launching… If you close this, you get a direct message.')],
});
const stillWorking = endedView('Launch a model', {
  text: 'It takes longer',
  blocks: [section(':hourglass_flowing_sand: This takes longer. You get a direct message when it is done.')],
});

interface Settled {
  view: ModalView;
  receipt?: Receipt;
  caller?: Caller;
  /** The same as a direct message. */
  message?: SlackMessage;
}

async function launchNow(core: Core, who: SlackUser, form: LaunchForm): Promise<Settled> {
  const caller = await callerOf(core.access, who);
  if (!caller) return { view: endedView('Launch a model', await strangerMessage(core.access, who)) };
  try {
    const input = {
      ...launchInput(form),
      ...launchTerms(form),
      plan_digest: form.digest,
      // Slack may deliver a submission twice, and a person may send it again after a lost answer.
      idempotency_key: `slack:${form.id}:${form.digest}`,
    };
    const receipt = receiptSchema.parse(await core.execute('launch_instance', input, caller));
    return { view: doneView(launch, receipt), receipt, caller, message: receiptMessage(receipt) };
  } catch (thrown) {
    return notLaunched(core, caller, form, thrown);
  }
}

async function notLaunched(core: Core, caller: Caller, form: LaunchForm, thrown: unknown): Promise<Settled> {
  const error = failureOf(core, thrown, failed);
  const message = errorMessage(error, launch);
  const ended = { view: endedView('Launch a model', message), message };
  if (error.code !== 'plan_changed') return ended;
  try {
    const step = await planStep(core, caller, form);
    return 'facts' in step ? { view: planView(form, step.facts, true), message } : ended;
  } catch (again) {
    const why = errorMessage(failureOf(core, again, failed), launch);
    return { view: endedView('Launch a model', why), message: why };
  }
}

interface LateAnswer {
  bot: Bot | undefined;
  viewId: string;
  who: SlackUser;
  settled: Settled;
}

/** Shows the answer where the form waits for it. Where it was closed, the answer goes by direct message. */
async function showLate(deps: SlackDeps, { bot, viewId, who, settled }: LateAnswer): Promise<void> {
  const shown = bot !== undefined && (await updateOpen(bot, { view_id: viewId, view: settled.view }));
  if (!shown && settled.message) await post(deps.bots, { user: who.user, at: who }, settled.message);
}

async function tellLater(deps: SlackDeps, who: SlackUser, work: Promise<Settled>): Promise<void> {
  const { message, receipt, caller } = await work;
  if (message) await post(deps.bots, { user: who.user, at: who }, message);
  if (receipt && caller) await announce(deps, undefined, caller, who, { receipt });
}

type Click = SlackActionMiddlewareArgs<BlockAction> & EventContext;

/** Somebody chose another model, or wants more options, or goes from a typed plan to its form. */
export async function onLaunchClick(deps: SlackDeps, { ack, body, context, action }: Click): Promise<void> {
  await ack();
  const { core } = deps;
  const { view } = body;
  const who = whoIs(body, core.access, deps.bots.home);
  const form = view && readLaunchView(view);
  if (!view || !who || !form) return;
  const [caller, bot] = [await callerOf(core.access, who), await botAt(deps, context)];
  if (!caller || !bot) return;
  const more = form.more || action.action_id === 'launch.more';
  const asForm = { ...form, more, digest: undefined, root: undefined };
  const next = await formWith(core, caller, asForm).catch((thrown: unknown) =>
    endedView('Launch a model', errorMessage(failureOf(core, thrown, failed), launch)),
  );
  await updateOpen(bot, { view_id: view.id, hash: view.hash, view: next });
}
