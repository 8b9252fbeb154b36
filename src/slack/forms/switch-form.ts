import { WebAPIPlatformError } from '@slack/web-api';
import type { BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import { botAt } from '../workspace/dependencies.ts';
import type { Desk, Where } from '../workspace/dependencies.ts';
import { readForm } from './form.ts';
import { formView } from './form-view.ts';
import { loadChoices } from './load-choices.ts';
import { callerOf, whoIs } from '../workspace/people.ts';
import { readSubmission } from './submit-form.ts';

/** A choice was made that other fields depend on: the same form with theirs. What was typed stays. */
export async function onSwitch(
  desk: Desk,
  { ack, body, context }: SlackActionMiddlewareArgs<BlockAction> & Where,
): Promise<void> {
  await ack();
  const { view } = body;
  const who = whoIs(body, desk.core.access, desk.bots.home);
  if (!view || !who || desk.awaited.has(readForm(view.private_metadata)?.id ?? '')) return;
  const caller = await callerOf(desk.core.access, who);
  const shown = readSubmission(view);
  const bot = await botAt(desk, context);
  if (!caller || !shown || !bot) return;
  const { operation, form } = shown;
  const choices = await loadChoices(desk.core, caller, operation, form, shown.choices);
  try {
    await bot.client.views.update({ view_id: view.id, hash: view.hash, view: formView(operation, form, choices) });
  } catch (thrown) {
    // The view is another already: a later click's update came first, or the form was closed.
    if (!(thrown instanceof WebAPIPlatformError) || !/hash_conflict|not_found/.test(thrown.data.error)) throw thrown;
  }
}
