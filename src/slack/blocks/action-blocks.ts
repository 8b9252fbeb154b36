import type { ActionsBlock, Button, ModalView } from '@slack/types';
import { z } from 'zod';
import type { OperationArgument } from '../../core/base/prose.ts';
import { escape, note, plain, section, shorten } from './text.ts';
import type { SlackMessage } from './text.ts';

/** Prefix of the buttons that run an operation. They carry its name and input. */
export const runPrefix = 'run.';
/** Prefix of the buttons that open a form. The rest is the subcommand, and the value what follows it. */
export const openPrefix = 'open.';
/** The callback id of the form that asks for a typed word first. */
export const typedFormId = 'typed';
export const typedField = 'typed';
export const typedReason = 'reason';

const argument = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
const actionSchema = z.object({
  operation: z.string(),
  input: z.record(z.string(), argument),
  /** Makes a second click, and a click that Slack delivers twice, the same call. */
  key: z.string(),
});

/** An operation that a button runs. */
export interface Action {
  operation: string;
  input: Record<string, OperationArgument>;
  key: string;
}

/** The action behind a button. Throws if the value is not ours. */
export function readAction(value: string): Action {
  return actionSchema.parse(JSON.parse(value));
}

interface Ask {
  /** The word on the button. */
  verb: string;
  /** What it would do, with the name and the cost or the effect. */
  effect: string;
  danger?: boolean;
}

/** A button that runs the action after Slack's own dialog, because people hit buttons by accident on a phone. */
export function runButton(action: Action, { verb, effect, danger = false }: Ask): Button {
  return {
    type: 'button',
    action_id: `${runPrefix}${action.operation}`,
    value: JSON.stringify(action),
    text: plain(verb, 75),
    ...(danger ? { style: 'danger' as const } : {}),
    confirm: {
      title: plain(`${verb}?`, 100),
      text: plain(effect, 300),
      confirm: plain(verb, 30),
      deny: plain('Not now', 30),
      ...(danger ? { style: 'danger' as const } : {}),
    },
  };
}

export function openButton(subcommand: string, given: string, text: string, primary = false): Button {
  return {
    type: 'button',
    action_id: `${openPrefix}${subcommand}`,
    value: given === '' ? ' ' : given,
    text: plain(text, 75),
    ...(primary ? { style: 'primary' as const } : {}),
  };
}

export function actions(blockId: string, elements: Button[]): ActionsBlock {
  return { type: 'actions', block_id: blockId, elements };
}

/** What a typed command would do, with the button that does it. */
export function confirmMessage(title: string, lines: readonly string[], button: Button): SlackMessage {
  return {
    text: title,
    blocks: [
      section(`*${shorten(escape(title), 300)}*`),
      ...(lines.length === 0 ? [] : [section(lines.join('\n'))]),
      actions('confirm', [button]),
    ],
  };
}

const typedSchema = actionSchema.extend({ expected: z.string() });

/** An action that asks for a typed word, such as the name of what it deletes. */
export interface TypedAction extends Action {
  expected: string;
}

export function readTyped(privateMetadata: string): TypedAction {
  return typedSchema.parse(JSON.parse(privateMetadata));
}

interface TypedAsk {
  title: string;
  verb: string;
  lines: readonly string[];
  label: string;
  /** True: it asks for a reason too. */
  reason?: boolean;
}

/** A form that runs an action if the right word is typed. */
export function typedView(action: TypedAction, { title, verb, lines, label, reason = false }: TypedAsk): ModalView {
  const text = (multiline: boolean) => ({
    type: 'plain_text_input' as const,
    action_id: 'field',
    multiline,
    max_length: 500,
  });
  return {
    type: 'modal',
    callback_id: typedFormId,
    private_metadata: JSON.stringify(action),
    title: plain(title, 24),
    submit: plain(verb, 24),
    close: plain('Cancel', 24),
    blocks: [
      ...(lines.length === 0 ? [note('Nothing uses it.')] : [section(lines.join('\n'))]),
      ...(reason
        ? [
            {
              type: 'input' as const,
              block_id: typedReason,
              label: plain('Reason', 75),
              hint: plain('The approvers read it, and it is kept in the record.', 150),
              element: text(true),
            },
          ]
        : []),
      {
        type: 'input',
        block_id: typedField,
        label: plain(label, 150),
        element: text(false),
      },
    ],
  };
}
