import type { Button, HomeView, KnownBlock } from '@slack/types';
import type { Role } from '../../core/base/caller.ts';
import { atLeast } from '../../core/base/caller.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { actions, openButton, runButton } from '../blocks/action-blocks.ts';
import { modelLine } from '../blocks/model-blocks.ts';
import type { ModelSummary } from '../blocks/model-blocks.ts';
import { code, escape, note, plain, section, shorten, when } from '../blocks/text.ts';

type Approval = OutputOf<'get_approval'>;
type ApprovalSummary = OutputOf<'list_approvals'>['items'][number];
type Instance = OutputOf<'get_instance'>;

export const homePrefix = 'home.';
export const refreshId = 'home.refresh';
export const approveHereId = 'home.approve';
export const denyHereId = 'home.deny';
/** Prefix of the buttons that turn a page. The list follows, and the value is the cursor. */
export const pagePrefix = 'home.page.';

/** One page of a list. `next` is the cursor of the page after it. */
export interface Page<T> {
  items: readonly T[];
  next?: string | undefined;
  /** False: an earlier page exists. */
  first: boolean;
}

/** What App Home shows to one person: only what this person may see. */
export interface HomeFacts {
  role: Role;
  /** When it was read. */
  at: Date;
  /** What the last click came to. */
  notice?: string | undefined;
  /** Requests that this person may decide. */
  waiting: readonly Approval[];
  mine: Page<Instance>;
  models: Page<ModelSummary>;
  decided: readonly ApprovalSummary[];
  /** Makes a second click the same call. */
  key: string;
}

const waitingShown = 8;
const decidedShown = 6;

/** App Home as the console of one person. */
export function homeView(facts: HomeFacts): HomeView {
  const { at, notice, role } = facts;
  const mayLaunch = atLeast(role, 'member');
  return {
    type: 'home',
    blocks: [
      ...quickActions(mayLaunch),
      note(`As of ${when(at.toISOString())}`, 'as-of'),
      ...(notice === undefined ? [] : [section(notice, 'notice')]),
      ...waitingBlocks(facts.waiting),
      ...(mayLaunch ? instanceBlocks(facts.mine, facts.key) : []),
      ...modelBlocks(facts.models, mayLaunch),
      ...decidedBlocks(facts.decided),
    ],
  };
}

function quickActions(mayLaunch: boolean): KnownBlock[] {
  const refresh: Button = { ...openButton('refresh', '', 'Refresh'), action_id: refreshId };
  return [
    { type: 'header', text: plain('EcoLink', 150) },
    actions('quick', [
      ...(mayLaunch
        ? [openButton('launch', '', 'Launch a model', true), openButton('register', '', 'Register a model')]
        : []),
      refresh,
    ]),
  ];
}

function title(text: string): KnownBlock[] {
  return [{ type: 'divider' }, section(`*${text}*`)];
}

function waitingBlocks(waiting: readonly Approval[]): KnownBlock[] {
  if (waiting.length === 0) return [];
  const more = waiting.length - waitingShown;
  return [
    ...title('Waits for you'),
    ...waiting.slice(0, waitingShown).flatMap((approval) => requestBlocks(approval)),
    ...(more > 0 ? [note(`… and ${more} more. \`/ecolink approvals\` shows them all.`)] : []),
  ];
}

function requestBlocks({ id, summary, requester, agent, expires_at: expires, missing, what }: Approval): KnownBlock[] {
  const [head = what, ...lines] = summary;
  const who = `${escape(shorten(requester, 100))}${agent ? ' (through their assistant)' : ''}`;
  const shown = lines.slice(0, 3).map((line) => `• ${shorten(escape(line), 200)}`);
  const effect = `${head}. Asked by ${requester}.`;
  return [
    section([`${who}: *${shorten(escape(head), 300)}*`, ...shown].join('\n')),
    note(`Request ${id} · needs ${missing} more · until ${when(expires)}`),
    actions(`request.${id}`, [
      {
        type: 'button',
        action_id: approveHereId,
        value: String(id),
        style: 'primary',
        text: plain('Approve', 75),
        confirm: {
          title: plain('Approve?', 100),
          text: plain(effect, 300),
          confirm: plain('Approve', 30),
          deny: plain('Not now', 30),
        },
      },
      { type: 'button', action_id: denyHereId, value: String(id), style: 'danger', text: plain('Deny…', 75) },
    ]),
  ];
}

function instanceBlocks(page: Page<Instance>, key: string): KnownBlock[] {
  const rows = page.items.map((instance): KnownBlock[] => {
    const { id, model_id: modelId, state, regions, ready, replicas, stop_at: stop } = instance;
    const places = shorten(regions.map(({ region }) => region).join(', '), 80);
    const ends = stop === undefined ? 'no end' : `ends ${when(stop)}`;
    const effect = `${modelId} in ${places} stops. Its weights stay cached.`;
    const stopButton = runButton(
      { operation: 'stop_instance', input: { instance: String(id) }, key: `${key}.${id}` },
      { verb: 'Stop', effect, danger: true },
    );
    const again = runButton(
      { operation: 'restart_instance', input: { instance: String(id) }, key: `${key}.${id}` },
      { verb: 'Restart', effect: `${modelId} starts anew in ${places}.` },
    );
    const ended = state === 'stopped' || state === 'failed';
    return [
      section(`${code(modelId)}  *${state}* · ${ready} of ${replicas} ready · ${escape(places)} · ${ends}`),
      actions(`mine.${id}`, ended ? [again] : [openButton('extend', String(id), 'More time…'), stopButton]),
    ];
  });
  const none = page.items.length === 0 ? [section('You have no instance yet.')] : [];
  return [...title('Your instances'), ...none, ...rows.flat(), ...pageButtons('instances', page)];
}

function modelBlocks(page: Page<ModelSummary>, mayLaunch: boolean): KnownBlock[] {
  const rows = page.items.map((model): KnownBlock => {
    const row = section(modelLine(model));
    return mayLaunch && row.type === 'section'
      ? { ...row, accessory: openButton('launch', model.name, 'Launch…') }
      : row;
  });
  const none = page.items.length === 0 ? [section('No model yet.')] : [];
  return [...title('Models'), ...none, ...rows, ...pageButtons('models', page)];
}

/** Turning a page. A cursor leads forward only, so the way back is to the first page. */
function pageButtons(list: string, { next, first }: Page<unknown>): KnownBlock[] {
  const button = (words: string, cursor: string, which: string): Button => ({
    ...openButton('page', cursor, words),
    action_id: `${pagePrefix}${list}.${which}`,
  });
  const buttons = [
    ...(first ? [] : [button('First page', '', 'first')]),
    ...(next === undefined ? [] : [button('Next page', next, 'next')]),
  ];
  return buttons.length === 0 ? [] : [actions(`page.${list}`, buttons)];
}

const stateIcons: Partial<Record<ApprovalSummary['state'], string>> = {
  approved: ':white_check_mark:',
  done: ':white_check_mark:',
  denied: ':no_entry:',
  failed: ':red_circle:',
};

function decidedBlocks(decided: readonly ApprovalSummary[]): KnownBlock[] {
  if (decided.length === 0) return [];
  const lines = decided.slice(0, decidedShown).map(({ id, state, what, requester }) => {
    const icon = stateIcons[state] ?? ':white_circle:';
    return `${icon} ${id}: ${shorten(escape(what), 150)} · ${escape(shorten(requester, 60))} · ${state}`;
  });
  return [...title('Recent decisions'), section(lines.join('\n'))];
}

/** For somebody without a role: what to do. */
export function strangerHome(blocks: KnownBlock[]): HomeView {
  return { type: 'home', blocks: [{ type: 'header', text: plain('EcoLink', 150) }, ...blocks] };
}
