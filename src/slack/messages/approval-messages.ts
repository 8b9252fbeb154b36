import { isOver } from '../../core/core.ts';
import type { Core, ShownMessage, SlackWorkspace } from '../../core/core.ts';
import { alarmMessage, approvalMessage, outcomeMessage, reminderMessage } from '../blocks/approval-blocks.ts';
import type { Approval, Naming } from '../blocks/approval-blocks.ts';
import { workspaceOf } from '../connect/bots.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import type { LiveMessages } from './live-messages.ts';
import { accountOf, callerOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { attempt, post } from './post.ts';
import type { Destination, Posted } from './post.ts';
import { escape } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

export interface ApprovalMessages {
  /** Updates the messages of a request, or posts them if there are none yet. */
  refresh(id: number): Promise<void>;
  close(): Promise<void>;
}

/** How often to look for changes that another server or process made. */
const pollMs = 5000;

interface Deps {
  core: Core;
  bots: Bots;
  live: LiveMessages;
}

/** Shows every request to its approvers, and updates the messages wherever somebody decides. */
export function createApprovalMessages(deps: Deps): ApprovalMessages {
  const { core } = deps;
  /** The message that Slack has for each request, to send nothing twice. */
  const shown = new Map<number, string>();
  /** Work on one request runs one after the other, so that none is posted twice. */
  const turns = new Map<number, Promise<void>>();
  let closed = false;

  const refresh = (id: number): Promise<void> => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(() => (closed ? undefined : show(deps, shown, id)));
    const kept = turn.catch((thrown: unknown) =>
      core.log.warn({ err: thrown, approval: id }, 'the message of a request could not be updated'),
    );
    turns.set(id, kept);
    void kept.then(() => (turns.get(id) === kept ? turns.delete(id) : undefined));
    return kept;
  };
  const poll = async (): Promise<void> => {
    await core.approvals.remind((id) => remind(deps, id));
    for (const id of new Set([...(await core.approvals.unsettled()), ...shown.keys()])) await refresh(id);
  };
  const look = (): void => {
    poll().catch((thrown: unknown) => core.log.warn({ err: thrown }, 'requests could not be read'));
  };
  const unsubscribe = core.changes.subscribe(({ kind, id }) => {
    if (kind === 'approval') void refresh(Number(id));
  });
  const leave = core.approvals.showIn('Slack');
  look();
  const timer = setInterval(look, pollMs);
  timer.unref();
  return {
    refresh,
    async close() {
      closed = true;
      leave();
      clearInterval(timer);
      unsubscribe();
      await Promise.all(turns.values());
    },
  };
}

async function show(deps: Deps, shown: Map<number, string>, id: number): Promise<void> {
  const { core } = deps;
  const { approvals } = core;
  const approval = await approvals.view(id);
  if (!approval) return;
  const message = approvalMessage(approval);
  const text = JSON.stringify(message);
  if (shown.get(id) === text) return;
  const earlier = await approvals.shownAt(id);
  const asked = approval.state !== 'pending' || (await approvals.once(id, 'asked', () => announce(deps, approval)));
  for (const before of earlier) await update(deps, before, message);
  const alarmed = !approval.broken_glass || (await approvals.once(id, 'broken_glass', () => alarm(deps, approval)));
  // Another server may have died while it told them: look again.
  if (!asked || !alarmed) return;
  if (!isOver(approval.state)) {
    shown.set(id, text);
    return;
  }
  shown.delete(id);
  // Last, and once: until then this server or another looks at the request again.
  await approvals.once(id, 'ended', () => tellRequester(deps, approval));
}

/** Posts to the channel. Without a channel, or for a private request, it writes to the approvers. */
async function announce(deps: Deps, approval: Approval): Promise<void> {
  const { core, bots } = deps;
  for (const destination of await destinationsOf(deps, approval, approval.approvers)) {
    const { channel, at } = destination;
    // A mention notifies approvers in a channel. Slack notifies people of direct messages anyway.
    const naming = channel === undefined ? undefined : await mentionsIn(core, at, approval);
    const posted = await attempt(core, () => post(bots, destination, approvalMessage(approval, naming)));
    if (!posted) continue;
    const url = channel === undefined ? null : await permalink(deps, posted);
    await core.approvals.showedAt(approval.id, { ...posted, url });
  }
}

/** Posts a new message to everybody concerned: Slack does not notify people of an edited one. */
async function alarm(deps: Deps, approval: Approval): Promise<void> {
  const admins = (await deps.core.access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  const message = alarmMessage(approval);
  const users = await usersNamed(deps.core, [...approval.approvers, ...admins]);
  const inChannel = (await destinationsOf(deps, approval, [])).filter(({ channel }) => channel !== undefined);
  for (const destination of [...inChannel, ...users.map((who) => ({ user: who.user, at: who }))])
    await attempt(deps.core, () => post(deps.bots, destination, message));
}

async function destinationsOf(
  { core, bots }: Deps,
  approval: Approval,
  names: readonly string[],
): Promise<Destination[]> {
  const { channel } = core.config.slack;
  const users = await usersNamed(core, names);
  if (channel === undefined || approval.private) return users.map((who) => ({ user: who.user, at: who }));
  const first = users[0] ?? accountOf(approval.identity);
  return [{ user: first?.user ?? channel, at: first ?? bots.home ?? {}, channel }];
}

/** Null for a direct message: nobody else can open it. */
async function permalink(deps: Deps, { team, channel, ts }: Posted): Promise<string | null> {
  if (channel.startsWith('D')) return null;
  const bot = await writer(deps, team);
  const found = await attempt(deps.core, async () => bot?.client.chat.getPermalink({ channel, message_ts: ts }));
  return found?.permalink ?? null;
}

async function update(deps: Deps, { team, channel, ts }: ShownMessage, message: SlackMessage): Promise<void> {
  const bot = await writer(deps, team);
  await attempt(deps.core, async () => bot?.client.chat.update({ channel, ts, ...message }));
}

/** Replies to the message, and shows the reply in the channel too. */
async function remind(deps: Deps, id: number): Promise<void> {
  const { core } = deps;
  const approval = await core.approvals.view(id);
  if (!approval) return;
  for (const { team, channel, ts } of await core.approvals.shownAt(id)) {
    const bot = await writer(deps, team);
    const naming = channel.startsWith('D') ? undefined : await mentionsIn(core, bot?.workspace ?? {}, approval);
    const below = { channel, thread_ts: ts, reply_broadcast: true };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
    await attempt(core, async () => bot?.client.chat.postMessage({ ...below, ...reminderMessage(approval, naming) }));
  }
}

/** Mentions approvers who have an account in that workspace or organisation. Others go by their names. */
async function mentionsIn({ access }: Core, at: SlackWorkspace, { approvers }: Approval): Promise<Naming> {
  const mentions = new Map<string, string>();
  for (const { id, name } of approvers.length === 0 ? [] : await access.membersOf({ people: approvers })) {
    const accounts = (await access.identitiesOf(id)).flatMap((identity) => accountOf(identity) ?? []);
    const here = accounts.find(({ team, enterprise }) =>
      enterprise === undefined ? team === at.team : enterprise === at.enterprise,
    );
    if (here) mentions.set(name, `<@${here.user}>`);
  }
  return (name) => mentions.get(name) ?? escape(name);
}

/** The Slack accounts of people, by name, each once. */
async function usersNamed({ access }: Core, names: readonly string[]): Promise<SlackUser[]> {
  const people = names.length === 0 ? [] : await access.membersOf({ people: names });
  const identities = await Promise.all(people.map(({ id }) => access.identitiesOf(id)));
  return [...new Set(identities.flat())].flatMap((identity) => accountOf(identity) ?? []);
}

/** Undefined if the app is no longer installed there. */
function writer({ bots }: Deps, team: string | null): Promise<Bot | undefined> {
  return bots.of(team === null ? (bots.home ?? {}) : workspaceOf(team));
}

/** Writes to the account that asked. For an agent or a command line: to the person's own account. */
async function tellRequester({ core, bots, live }: Deps, approval: Approval): Promise<void> {
  const who = accountOf(approval.identity) ?? (await usersNamed(core, [approval.requester]))[0];
  if (!who) return;
  await attempt(core, () => post(bots, { user: who.user, at: who }, outcomeMessage(approval)));
  const caller = await callerOf(core.access, who);
  const { state, instance } = approval;
  if (state !== 'done' || instance === undefined || !caller) return;
  const destination = { user: who.user, at: who, channel: core.config.slack.channel };
  await attempt(core, () => live.follow(instance, caller, destination));
}
