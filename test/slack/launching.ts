import { expect } from 'vitest';
import { patient, workspace } from '../support/local-slack.ts';
import type { FieldState, LocalSlack } from '../support/local-slack.ts';

/** The state of the menu of models. */
export function chosenModel(value: string): FieldState {
  return { model: { 'launch.model': { selected_option: { value } } } };
}

/** Opens the form, chooses a model, and stops at the plan. */
export async function planInSlack(
  slack: LocalSlack,
  model: string,
  { user = workspace.alice, channel, fields = {} }: { user?: string; channel?: string; fields?: FieldState } = {},
): Promise<void> {
  await slack.type('/ecolink launch', user, channel);
  await expect.poll(() => slack.view?.submit?.text, patient).toBe('Show the plan');
  slack.submit({ ...chosenModel(model), ...fields }, user);
  await expect.poll(() => slack.view?.callback_id, patient).toBe('plan.launch_instance');
  await expect.poll(() => slack.view?.submit?.text, patient).toMatch(/^(?:Launch|Ask for approval)$/);
}

/** Launches a model as a person does: form, plan, button. */
export async function launchInSlack(
  slack: LocalSlack,
  model: string,
  options: { user?: string; channel?: string; fields?: FieldState } = {},
): Promise<void> {
  await planInSlack(slack, model, options);
  slack.submit({}, options.user);
}
