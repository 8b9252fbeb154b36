import { WebAPIPlatformError } from '@slack/web-api';
import type { BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import type { Desk } from './desk.ts';
import { readForm } from './form.ts';
import { formView } from './form-view.ts';
import { loadChoices } from './load-choices.ts';
import { callerOf, userOf } from './people.ts';
import { readSubmission } from './submit-form.ts';

/** A choice was made that other fields depend on: the same form with theirs. What was typed stays. */
export async function onSwitch(desk: Desk, { ack, body }: SlackActionMiddlewareArgs<BlockAction>): Promise<void> {
  await ack();
  const { view } = body;
  const who = userOf(body, desk.home);
  if (!view || !who || desk.awaited.has(readForm(view.private_metadata)?.id ?? '')) return;
  const caller = await callerOf(desk.core.access, who);
  const shown = readSubmission(view);
  if (!caller || !shown) return;
  const { operation, form } = shown;
  const choices = await loadChoices(desk.core, caller, operation, form, shown.choices);
  try {
    await desk.client.views.update({ view_id: view.id, hash: view.hash, view: formView(operation, form, choices) });
  } catch (thrown) {
    // The view is another already: a later click's update came first, or the form was closed.
    if (!(thrown instanceof WebAPIPlatformError) || !/hash_conflict|not_found/.test(thrown.data.error)) throw thrown;
  }
}
