import type { ActionsBlock, ModalView } from '@slack/types';
import { z } from 'zod';
import { run, say } from '../../core/base/prose.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { slackMarkup } from './speaker.ts';
import { code, escape, note, plain, section, sectionsOf, shorten, when } from './text.ts';
import type { SlackMessage } from './text.ts';

export type Approval = OutputOf<'get_approval'>;
export type ApprovalSummary = OutputOf<'list_approvals'>['items'][number];

export const approveId = 'approval.approve';
export const denyId = 'approval.deny';
/** The callback id of the form that asks for a reason. */
export const reasonFormId = 'approval.reason';
/** The one field of that form. */
export const reasonField = 'reason';

const icons = {
  pending: ':raised_hand:',
  approved: ':white_check_mark:',
  running: ':hourglass_flowing_sand:',
  done: ':white_check_mark:',
  failed: ':red_circle:',
  denied: ':no_entry:',
  cancelled: ':white_circle:',
  expired: ':alarm_clock:',
  stale: ':warning:',
} satisfies Record<Approval['state'], string>;

/** Characters of the lines together, so that the message fits. A launch into many regions has more. */
const charactersShown = 8000;
/** An argument with its risk has fewer. */
const longestLine = 1000;

/** How a person is named: by name, or by a mention that notifies them. */
export type Naming = (name: string) => string;

/** One request: what it would do, who asked, the votes, and the two buttons while it waits. */
export function approvalMessage(approval: Approval, naming: Naming = escape): SlackMessage {
  const [what = approval.operation, ...lines] = approval.summary;
  const shown = linesThatFit(lines.map((line) => `• ${shorten(escape(line), longestLine)}`));
  if (lines.length > shown.length) shown.push(`… and ${lines.length - shown.length} more lines`);
  const who = `${escape(approval.requester)}${approval.agent ? "'s agent" : ''}`;
  return {
    text: `Request ${approval.id} of ${who}: ${shorten(escape(what), 200)}: ${approval.state}`,
    blocks: [
      section(`${icons[approval.state]} *${shorten(escape(what), 400)}*\n${stateLine(approval, naming)}`),
      ...sectionsOf(shown),
      ...sectionsOf(approval.votes.map(voteLine)),
      note(
        `Request ${approval.id} · asked by ${shorten(who, 200)} · rule “${shorten(escape(approval.rule), 120)}” · ${code(approval.digest)}`,
      ),
      ...(approval.state === 'pending' ? [buttons(approval)] : []),
    ],
  };
}

/** The first lines. What a launch gives to engines, and its risks, come before the regions. */
function linesThatFit(lines: readonly string[]): string[] {
  let room = charactersShown;
  const end = lines.findIndex((line) => (room -= line.length) < 0);
  return lines.slice(0, end === -1 ? lines.length : end);
}

/** The state in one sentence. */
function stateLine(approval: Approval, naming: Naming): string {
  const { state, missing, approvers, decided_by: by, decided_at: at, reason, broken_glass: broken } = approval;
  if (state === 'pending') {
    const names = approvers.map(naming).join(', ') || 'nobody, because no approver is left';
    return `waits for ${missing} of: ${shorten(names, 500)} · until ${when(approval.expires_at)}`;
  }
  const who = by === undefined ? '' : ` by ${escape(by)}`;
  const glass = broken ? ' :rotating_light: *GLASS BROKEN*' : '';
  const why = reason === undefined ? '' : `\n>${shorten(escape(reason.message), 700)}`;
  const made = approval.model_id === undefined ? '' : ` · ${code(approval.model_id)}`;
  return `*${state}*${state === 'running' || state === 'done' ? `, approved${who}` : who}${at === undefined ? '' : ` ${when(at)}`}${made}${glass}${why}`;
}

function voteLine({ person, vote, at, counts, reason }: Approval['votes'][number]): string {
  const did = { approve: 'approved', deny: 'denied', break_glass: 'broke glass' }[vote];
  const why = reason === undefined ? '' : `: ${shorten(escape(reason), 300)}`;
  return `${escape(person)} ${did} ${when(at)}${why}${counts ? '' : ' (_no longer counts_)'}`;
}

function buttons({ id, summary }: Approval): ActionsBlock {
  return {
    type: 'actions',
    block_id: `approval.${id}`,
    elements: [
      {
        type: 'button',
        action_id: approveId,
        value: String(id),
        style: 'primary',
        text: plain(buttonOf('approve_request'), 75),
        // People hit buttons by accident on a phone.
        confirm: {
          title: plain('Approve?', 100),
          text: plain(summary[0] ?? `Request ${id}`, 300),
          confirm: plain('Approve', 30),
          deny: plain('Not yet', 30),
        },
      },
      {
        type: 'button',
        action_id: denyId,
        value: String(id),
        style: 'danger',
        text: plain(buttonOf('deny_request'), 75),
      },
    ],
  };
}

/** The words on the button that runs the operation. */
function buttonOf(operation: ReasonFor['operation']): string {
  const reach = findOperation(operation)?.slack;
  return reach && 'button' in reach ? reach.button : operation;
}

const reasonForSchema = z.object({ id: z.string(), operation: z.enum(['approve_request', 'deny_request']) });

/** The decision that needs a reason. The form keeps it. */
export type ReasonFor = z.output<typeof reasonForSchema>;

/** The decision behind a form. Throws if the form is not ours. */
export function readReasonFor(privateMetadata: string): ReasonFor {
  return reasonForSchema.parse(JSON.parse(privateMetadata));
}

export function reasonView(about: ReasonFor): ModalView {
  const verb = about.operation === 'deny_request' ? 'Deny' : 'Approve';
  return {
    type: 'modal',
    callback_id: reasonFormId,
    private_metadata: JSON.stringify(about),
    title: plain(`${verb} request ${about.id}`, 24),
    submit: plain(verb, 24),
    close: plain('Cancel', 24),
    blocks: [
      {
        type: 'input',
        block_id: reasonField,
        label: plain('Reason', 75),
        hint: plain('The requester reads it. It is kept in the record.', 150),
        element: { type: 'plain_text_input', action_id: 'field', multiline: true, max_length: 500 },
      },
    ],
  };
}

/** Requests, a line each. */
export function approvalsMessage(approvals: readonly ApprovalSummary[]): SlackMessage {
  if (approvals.length === 0) {
    const text = 'No request waits for approval.';
    return { text, blocks: [section(text)] };
  }
  const lines = approvals.map(
    ({ id, state, what, requester, agent, expires_at: expires }) =>
      `${icons[state]} *${id}* ${shorten(escape(what), 200)} · ${escape(requester)}${agent ? "'s agent" : ''} · until ${when(expires)}`,
  );
  return {
    text: `${approvals.length} requests wait for approval`,
    blocks: [
      ...sectionsOf(lines),
      note(slackMarkup(say`To see one with its buttons: ${run('get_approval', { approval: approvals[0]?.id })}`)),
    ],
  };
}

/** What the requester gets when the request is over. */
export function outcomeMessage(approval: Approval): SlackMessage {
  const { blocks } = approvalMessage(approval);
  const text = `Your request ${approval.id} is ${approval.state}`;
  return {
    text,
    blocks: [section(`*${text}.*`), ...blocks, section(slackMarkup(approval.next_step))],
  };
}

/** A new message, because Slack does not notify people of an edited one. */
export function alarmMessage({ id, summary, decided_by: by, reason, requester }: Approval): SlackMessage {
  const who = escape(by ?? 'somebody');
  const what = shorten(escape(summary[0] ?? `request ${id}`), 300);
  const why = reason === undefined ? '' : `\n>${shorten(escape(reason.message), 700)}`;
  const text = `:rotating_light: *Glass broken:* ${who} ran request ${id} of ${escape(requester)} without its approvers: ${what}${why}`;
  return { text: `Glass broken: ${who} ran request ${id} without its approvers`, blocks: [section(text)] };
}

export function reminderMessage(approval: Approval, naming: Naming = escape): SlackMessage {
  const { id, summary, approvers, expires_at: expires } = approval;
  const whoAs = (named: Naming): string => shorten(approvers.map(named).join(', '), 500) || 'somebody who may decide';
  const text = `:alarm_clock: Request ${id} (${shorten(escape(summary[0] ?? ''), 200)}) still waits for ${whoAs(naming)}, until ${when(expires)}.`;
  return { text: `Request ${id} still waits for ${whoAs(escape)}`, blocks: [section(text)] };
}
