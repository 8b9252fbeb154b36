import type { BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import { botAt } from '../workspace/dependencies.ts';
import type { SlackDeps, EventContext } from '../workspace/dependencies.ts';
import { readForm } from './form.ts';
import { formView } from './form-view.ts';
import { loadChoices } from './load-choices.ts';
import { callerOf, whoIs } from '../workspace/people.ts';
import { readSubmission } from './submit-form.ts';
import { updateOpen } from './update-view.ts';

/** Somebody changed a field that others depend on: the form shows the others now. Typed values stay. */
export async function onSwitch(
  deps: SlackDeps,
  { ack, body, context }: SlackActionMiddlewareArgs<BlockAction> & EventContext,
): Promise<void> {
  await ack();
  const { view } = body;
  const who = whoIs(body, deps.core.access, deps.bots.home);
  if (!view || !who || deps.awaited.has(readForm(view.private_metadata)?.id ?? '')) return;
  const caller = await callerOf(deps.core.access, who);
  const shown = readSubmission(view);
  const bot = await botAt(deps, context);
  if (!caller || !shown || !bot) return;
  const { operation, form } = shown;
  const choices = await loadChoices(deps.core, caller, operation, form, shown.choices);
  await updateOpen(bot, { view_id: view.id, hash: view.hash, view: formView(operation, form, choices) });
}
