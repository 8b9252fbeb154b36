import { z } from 'zod';
import { cardBlock, directValue, elsewhereBlock } from './launch-view.ts';
import { readLaunchForm } from './launch-form.ts';
import type { LaunchChoices, LaunchForm } from './launch-form.ts';

const chosen = z.object({ value: z.string() });
const elementSchema = z.object({
  value: z.string().nullish(),
  selected_option: chosen.nullish(),
  selected_options: z.array(chosen).nullish(),
  selected_conversation: z.string().nullish(),
});
type Element = z.output<typeof elementSchema>;
const stateSchema = z.record(z.string(), z.record(z.string(), elementSchema));

/** A view as Slack sends it back. */
export interface SentView {
  private_metadata: string;
  state: { values: unknown };
}

/** The form with what the view holds now. Undefined if it is not ours. What the view does not show stays as it was. */
export function readLaunchView(view: SentView): LaunchForm | undefined {
  const form = readLaunchForm(view.private_metadata);
  const state = stateSchema.safeParse(view.state.values);
  if (!form || !state.success) return undefined;
  const elementOf = (block: string): Element | undefined => Object.values(state.data[block] ?? {})[0];
  const text = (block: keyof LaunchChoices, before: string | undefined): string | undefined => {
    const element = elementOf(block);
    if (!element) return before;
    const now = element.selected_option?.value ?? (element.value?.trim() || undefined);
    // Slack sends no required input that is empty. But it may send one back empty that we filled in (bolt-js #1073).
    return needed.has(block) ? (now ?? before) : now;
  };
  const { choices: before } = form;
  const needed = new Set<keyof LaunchChoices>(['model', ...form.wanted]);
  const choices: LaunchChoices = {
    model: text('model', before.model),
    regions: listOf(elementOf('regions'), before.regions),
    accelerators: text('accelerators', before.accelerators),
    replicas: text('replicas', before.replicas),
    stop_after: text('stop_after', before.stop_after),
    reason: text('reason', before.reason),
    private: tickOf(elementOf('private'), before.private),
    runtime: text('runtime', before.runtime),
    context_length: text('context_length', before.context_length),
    arguments: linesOf(elementOf('arguments'), before.arguments),
  };
  // A choice of two cannot be emptied, so an empty one was not touched.
  const card = elementOf(cardBlock)?.selected_option?.value;
  const other = elementOf(elsewhereBlock);
  return {
    ...form,
    choices,
    direct: card === undefined ? form.direct : card === directValue,
    elsewhere: other ? (other.selected_conversation ?? undefined) : form.elsewhere,
  };
}

function listOf(element: Element | undefined, before: string[] | undefined): string[] | undefined {
  return element ? (element.selected_options ?? []).map(({ value }) => value) : before;
}

function tickOf(element: Element | undefined, before: boolean | undefined): boolean | undefined {
  return element ? (element.selected_options ?? []).length > 0 : before;
}

function linesOf(element: Element | undefined, before: string[] | undefined): string[] | undefined {
  if (!element) return before;
  const lines = (element.value ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '');
}
