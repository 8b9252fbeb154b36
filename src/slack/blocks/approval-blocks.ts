import type { ActionsBlock, KnownBlock, ModalView, MrkdwnElement, PlainTextElement } from '@slack/types';
import { z } from 'zod';
import { run, say } from '../../core/base/prose.ts';
import type { ShownApproval } from '../../core/core.ts';
import { findOperation } from '../../core/operations/catalogue.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { person, richLine, richQuote, words } from './rich-text.ts';
import { slackMarkup } from './speaker.ts';
import { code, escape, note, plain, section, sectionsOf, shorten, when } from './text.ts';
import type { SlackMessage } from './text.ts';

export type Approval = ShownApproval;
export type ApprovalSummary = OutputOf<'list_approvals'>['items'][number];

export const approveId = 'approval.approve';
export const denyId = 'approval.deny';
export const cancelId = 'approval.cancel';
export const detailsId = 'approval.details';
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

/** Characters of the risks, and of the lines of *Details*, so that a message fits. */
const charactersShown = 6000;
const longestLine = 1000;
/** How many people are mentioned. A mention of everybody helps nobody. */
const peopleShown = 5;

/** Who reads a message about a request. */
export interface RequestAudience {
  /** The account of a person in the workspace of the message. Without one, the person goes by name. */
  userOf: (name: string) => string | undefined;
  /** The card of the instance that came of the request. */
  cardUrl?: string | undefined;
}

const byName: RequestAudience = { userOf: () => undefined };

/** A person in markup. */
function named(name: string, { userOf }: RequestAudience): string {
  const user = userOf(name);
  return user === undefined ? shorten(escape(name), 100) : `<@${user}>`;
}

/** One request: who wants what, why, where, at what cost and until when. While it waits, it has its buttons. */
export function approvalMessage(approval: Approval, audience: RequestAudience = byName): SlackMessage {
  const { facts, requester, agent, id } = approval;
  const what = whatOf(approval);
  return {
    text: textOf(approval),
    blocks: [
      richLine([
        person(requester, audience.userOf(requester)),
        words(agent ? ' (through their assistant) wants to ' : ' wants to '),
        words(what, 400, { bold: true }),
      ]),
      ...(facts.why === undefined ? [] : [richQuote(facts.why, 600)]),
      ...fieldsOf(approval),
      ...risksOf(facts.risks),
      ...stateOf(approval, audience),
      ...votesOf(approval, audience),
      ...(approval.state === 'pending' ? [buttons(approval)] : []),
      note(`Request ${id}${approval.state === 'pending' ? ` · ends ${when(approval.expires_at)}` : ''}`),
    ],
  };
}

/** What it does, as the end of *… wants to*. */
function whatOf({ summary, operation }: Pick<Approval, 'summary' | 'operation'>): string {
  const [what = operation] = summary;
  return what.charAt(0).toLowerCase() + what.slice(1);
}

/** Who, what, cost and end in one line, for notifications and screen readers. */
function textOf(approval: Approval): string {
  const { id, requester, agent, state, facts } = approval;
  const parts = [
    `Request ${id} of ${shorten(escape(requester), 100)}${agent ? ' (through their assistant)' : ''}: ${shorten(escape(whatOf(approval)), 300)}`,
    ...costOf(facts),
    ...endOf(facts),
    ...(approval.private ? ['private'] : []),
    state,
  ];
  return parts.join(' · ');
}

function costOf({ cost_per_hour: cost }: Approval['facts']): string[] {
  if (cost === undefined) return [];
  return [cost === null ? 'cost unknown' : `${cost.toFixed(2)} per hour`];
}

function endOf({ stop_after: after }: Approval['facts']): string[] {
  return after === undefined ? [] : [`stops after ${escape(after)}`];
}

/** Two columns: a label and its value. Values come from outside, so they are plain text. */
function fieldsOf({ facts, private: isPrivate }: Approval): KnownBlock[] {
  const { regions, accelerators, gpus, stop_after: after } = facts;
  const kinds = [...new Set(accelerators)].join(', ');
  const rows: [string, string][] = [
    ...pairIf('Where', regions.length > 0, regions.join(', ')),
    ...pairIf('Accelerators', (gpus ?? 0) !== 0, `${gpus} × ${kinds}`),
    ...costOf(facts).map((cost): [string, string] => ['Cost', cost]),
    ...pairIf('Ends', after !== undefined, `${after} after its start`),
    ...pairIf('Private', isPrivate, 'Only its owner and admins see it'),
  ];
  const fields = rows.flatMap(([label, value]): (MrkdwnElement | PlainTextElement)[] => [
    { type: 'mrkdwn', text: `*${label}*` },
    { ...plain(value, 500), emoji: false },
  ]);
  return fields.length === 0 ? [] : [{ type: 'section', fields }];
}

function pairIf(label: string, applies: boolean, value: string): [string, string][] {
  return applies ? [[label, value]] : [];
}

function risksOf(risks: readonly string[]): KnownBlock[] {
  const shown = linesThatFit(risks, 20);
  const rest = risks.length - shown.length;
  const more = rest > 0 ? [section(`… and ${rest} more risks. *Details* has them.`)] : [];
  return [...shown.map((risk) => richLine([{ type: 'emoji', name: 'warning' }, words(` ${risk}`)])), ...more];
}

/** The first lines. What a launch gives to engines, and its risks, come before the regions. */
function linesThatFit(all: readonly string[], most: number): string[] {
  const lines = all.slice(0, most).map((line) => shorten(line, longestLine));
  let room = charactersShown;
  const end = lines.findIndex((line) => (room -= line.length) < 0);
  return lines.slice(0, end === -1 ? lines.length : end);
}

/** The state in one sentence, and why. The reason is in the words of a person. */
function stateOf(approval: Approval, audience: RequestAudience): KnownBlock[] {
  const { state, reason } = approval;
  const why = state === 'pending' || reason === undefined ? [] : [richQuote(reason.message, 700)];
  return [section(stateLine(approval, audience)), ...why];
}

function stateLine(approval: Approval, audience: RequestAudience): string {
  const { state, missing, approvers, quorum, decided_by: by, decided_at: at, broken_glass: broken } = approval;
  const icon = icons[state];
  if (state === 'pending') {
    const names = mentions(approvers, audience) || 'nobody, because no approver is left';
    return `${icon} ${quorum - missing} of ${quorum} · waits for ${names}`;
  }
  const who = by === undefined ? '' : ` by ${named(by, audience)}`;
  const glass = broken ? ' :rotating_light: *GLASS BROKEN*' : '';
  const isApproved = state === 'running' || state === 'done';
  const decided = isApproved ? `*${state}*, approved${who}` : `*${state}*${who}`;
  return `${icon} ${decided}${at === undefined ? '' : ` ${when(at)}`}${madeOf(approval, audience)}${glass}`;
}

function madeOf({ model_id: name }: Approval, { cardUrl }: RequestAudience): string {
  if (name === undefined) return '';
  return cardUrl === undefined ? ` · ${code(name)}` : ` · <${cardUrl}|${escape(name)}>`;
}

function mentions(names: readonly string[], audience: RequestAudience): string {
  const shown = names.slice(0, peopleShown).map((name) => named(name, audience));
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function votesOf({ votes }: Approval, audience: RequestAudience): KnownBlock[] {
  const shown = votes.slice(0, votesShown).map((vote) => voteLine(vote, audience));
  return votes.length > shown.length ? [...shown, note(`… and ${votes.length - shown.length} more votes`)] : shown;
}

const votesShown = 5;
const marks = { approve: '✓ approved', deny: '✗ denied', break_glass: 'broke glass' };

function voteLine({ person: name, vote, counts, reason }: Approval['votes'][number], audience: RequestAudience) {
  const why = reason === undefined ? '' : `: ${shorten(reason, 300)}`;
  return richLine([
    person(name, audience.userOf(name)),
    words(` ${marks[vote]}${counts ? '' : ' (no longer counts)'}${why}`),
  ]);
}

/** In the thread of a request: one vote. */
export function voteMessage(
  approval: Approval,
  vote: Approval['votes'][number],
  audience: RequestAudience = byName,
): SlackMessage {
  const text = `${escape(vote.person)} ${marks[vote.vote]} request ${approval.id}`;
  return { text, blocks: [voteLine(vote, audience)] };
}

/** In place of the buttons, right after a click. */
export function heardMessage(approval: Approval, user: string, audience: RequestAudience = byName): SlackMessage {
  const { text, blocks } = approvalMessage(approval, audience);
  const heard = note(`:hourglass_flowing_sand: <@${user}> clicked. EcoLink works on it.`);
  return { text, blocks: blocks.map((block) => (block.type === 'actions' ? heard : block)) };
}

/** The rule, the digest, and every line of what would happen: behind the button *Details*. */
export function detailsMessage(approval: Approval): SlackMessage {
  const [what = approval.operation, ...lines] = approval.summary;
  const shown = linesThatFit(lines, 40);
  const rest = lines.length - shown.length;
  return {
    text: `Details of request ${approval.id}`,
    blocks: [
      richLine([words(what, 400, { bold: true })]),
      ...shown.map((line) => richLine([words(`• ${line}`)])),
      ...(rest > 0 ? [note(`… and ${rest} more lines`)] : []),
      richLine([words(`Input: ${approval.input}`, 2000)]),
      note(`rule “${shorten(escape(approval.rule), 120)}” · ${code(approval.digest)}`),
    ],
  };
}

function buttons(approval: Approval): ActionsBlock {
  const { id, facts } = approval;
  const value = String(id);
  const what = [shorten(approval.summary[0] ?? `Request ${id}`, 200), ...costOf(facts), ...endOf(facts)].join(' · ');
  return {
    type: 'actions',
    block_id: `approval.${id}`,
    elements: [
      {
        type: 'button',
        action_id: approveId,
        value,
        style: 'primary',
        text: plain(buttonOf('approve_request'), 75),
        // People hit buttons by accident on a phone.
        confirm: {
          title: plain(`Approve request ${id}?`, 100),
          text: { ...plain(what, 300), emoji: false },
          confirm: plain('Approve', 30),
          deny: plain('Not yet', 30),
        },
      },
      { type: 'button', action_id: denyId, value, style: 'danger', text: plain(buttonOf('deny_request'), 75) },
      { type: 'button', action_id: detailsId, value, text: plain('Details', 75) },
      {
        type: 'button',
        action_id: cancelId,
        value,
        text: plain('Cancel', 75),
        confirm: {
          title: plain(`Cancel request ${id}?`, 100),
          text: plain('It never runs. Only its requester can cancel it.', 300),
          confirm: plain('Cancel the request', 30),
          deny: plain('Keep it', 30),
        },
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
export function outcomeMessage(approval: Approval, audience: RequestAudience = byName): SlackMessage {
  const text = `Your request ${approval.id} is ${approval.state}`;
  const what = shorten(whatOf(approval), 400);
  return {
    text: `${text}: ${escape(what)}`,
    blocks: [
      section(`*${text}.*`),
      richLine([words(what)]),
      ...stateOf(approval, audience),
      section(slackMarkup(approval.next_step)),
    ],
  };
}

/** A new message, because Slack does not notify people of an edited one. */
export function alarmMessage(approval: Approval, audience: RequestAudience = byName): SlackMessage {
  const { id, decided_by: by, reason, requester } = approval;
  const who = by === undefined ? 'somebody' : named(by, audience);
  const text = `Glass broken: ${shorten(escape(by ?? 'somebody'), 100)} ran request ${id} without its approvers`;
  return {
    text,
    blocks: [
      section(
        `:rotating_light: *Glass broken:* ${who} ran request ${id} of ${named(requester, audience)} without its approvers:`,
      ),
      richLine([words(whatOf(approval), 400)]),
      ...(reason === undefined ? [] : [richQuote(reason.message, 700)]),
    ],
  };
}

/** In the thread of a request that waits too long. */
export function reminderMessage(approval: Approval, audience: RequestAudience = byName): SlackMessage {
  const { id, approvers, expires_at: expires } = approval;
  const whoAs = (reader: RequestAudience): string => mentions(approvers, reader) || 'somebody who may decide';
  return {
    text: `Request ${id} still waits for ${whoAs(byName)}`,
    blocks: [
      section(`:alarm_clock: Request ${id} still waits for ${whoAs(audience)}, until ${when(expires)}.`),
      richLine([words(whatOf(approval), 200)]),
    ],
  };
}

/** For an admin: a channel in which EcoLink cannot write. */
export function brokenChannelMessage(channel: string, error: string): SlackMessage {
  const text = `I cannot write in <#${channel}> (${escape(error)}). What belongs there goes to people directly.`;
  return {
    text,
    blocks: [
      section(`:warning: ${text}`),
      note('To change that, `/invite` me there, or name another channel as `slack.channel` in ecolink.yaml.'),
    ],
  };
}
