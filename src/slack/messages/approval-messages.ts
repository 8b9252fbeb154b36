import type { SlackWorkspace } from '../../core/access/access.ts';
import type { Caller } from '../../core/base/caller.ts';
import { isOver } from '../../core/approvals/states.ts';
import type { Core } from '../../core/core.ts';
import type { ShownMessage } from '../../core/approvals/messages-table.ts';
import { alarmMessage, approvalMessage, outcomeMessage, reminderMessage } from '../blocks/approval-blocks.ts';
import type { Approval, Naming } from '../blocks/approval-blocks.ts';
import { placeOf } from '../connect/bots.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import type { LiveMessages } from './live-messages.ts';
import { accountOf, callerOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { attempt, post } from './post.ts';
import type { Place, Posted } from './post.ts';
import { escape } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

export interface ApprovalMessages {
  /** Brings the messages of a request up to date, and posts them where there is none yet. */
  refresh(id: number): Promise<void>;
  close(): Promise<void>;
}

/** How often requests are looked at whose change another server or process made. */
const pollMs = 5000;

interface Deps {
  core: Core;
  bots: Bots;
  live: LiveMessages;
}

/** Shows every request to the people who decide, and keeps what is shown true whoever decides and wherever. */
export function createApprovalMessages(deps: Deps): ApprovalMessages {
  const { core } = deps;
  /** What Slack has, by request: to send nothing twice. */
  const shown = new Map<number, string>();
  /** One look after the other for each request, so that none is posted twice. */
  const turns = new Map<number, Promise<void>>();
  let closed = false;

  const refresh = (id: number): Promise<void> => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(() => (closed ? undefined : show(deps, shown, id)));
    const kept = turn.catch((thrown: unknown) =>
      core.log.warn({ err: thrown, approval: id }, 'the message of a request could not be brought up to date'),
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
    poll().catch((thrown: unknown) => core.log.warn({ err: thrown }, 'requests could not be looked at'));
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
  const fleet = await approvals.shownAt(id);
  const asked = approval.state !== 'pending' || (await approvals.once(id, 'asked', () => announce(deps, approval)));
  for (const place of fleet) await update(deps, place, message);
  const alarmed = !approval.broken_glass || (await approvals.once(id, 'broken_glass', () => alarm(deps, approval)));
  // Who began to tell them may have died of it: it is looked at again.
  if (!asked || !alarmed) return;
  if (!isOver(approval.state)) {
    shown.set(id, text);
    return;
  }
  shown.delete(id);
  // Last, and once: until then the request is looked at again, by this server or another.
  await approvals.once(id, 'ended', () => tellRequester(deps, approval));
}

/** Where everybody sees it, where there is such a place; what is private goes to those who decide. */
async function announce(deps: Deps, approval: Approval): Promise<void> {
  const { core, bots } = deps;
  for (const place of await placesOf(deps, approval, approval.approvers)) {
    // In a channel those who decide are told by their names; in their own messages they are told anyway.
    const naming = place.channel === undefined ? undefined : await mentionsIn(core, place.at, approval);
    const posted = await attempt(core, () => post(bots, place, approvalMessage(approval, naming)));
    if (!posted) continue;
    const url = place.channel === undefined ? null : await permalink(deps, posted);
    await core.approvals.showedAt(approval.id, { ...posted, url });
  }
}

/** Anew and to everybody concerned: an edited message rings no bell. */
async function alarm(deps: Deps, approval: Approval): Promise<void> {
  const admins = (await deps.core.access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  const message = alarmMessage(approval);
  const users = await usersNamed(deps.core, [...approval.approvers, ...admins]);
  const inChannel = (await placesOf(deps, approval, [])).filter(({ channel }) => channel !== undefined);
  for (const place of [...inChannel, ...users.map((who) => ({ user: who.user, at: who }))])
    await attempt(deps.core, () => post(deps.bots, place, message));
}

async function placesOf({ core, bots }: Deps, approval: Approval, names: readonly string[]): Promise<Place[]> {
  const { channel } = core.config.slack;
  const users = await usersNamed(core, names);
  if (channel === undefined || approval.private) return users.map((who) => ({ user: who.user, at: who }));
  const first = users[0] ?? accountOf(approval.identity);
  return [{ user: first?.user ?? channel, at: first ?? bots.home ?? {}, channel }];
}

/** Null where it went to one person's messages instead, which nobody else can open. */
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

/** Below the message, and in the channel too, so that it is seen. */
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

/** Names those who decide so that Slack tells them, where they have an account in that workspace or organisation. */
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

/** Undefined where the app is not installed any more. */
function writer({ bots }: Deps, team: string | null): Promise<Bot | undefined> {
  return bots.of(team === null ? (bots.home ?? {}) : placeOf(team));
}

/** To the account that asked; what an agent or a command line asked for, to the person's own. */
async function tellRequester({ core, bots, live }: Deps, approval: Approval): Promise<void> {
  const who = accountOf(approval.identity) ?? (await usersNamed(core, [approval.requester]))[0];
  if (!who) return;
  await attempt(core, () => post(bots, { user: who.user, at: who }, outcomeMessage(approval)));
  const caller: Caller | undefined = await callerOf(core.access, who);
  if (approval.state !== 'done' || approval.instance === undefined || !caller) return;
  const { channel } = core.config.slack;
  const place = { user: who.user, at: who, ...(channel === undefined ? {} : { channel }) };
  await attempt(core, () => live.follow(approval.instance as number, caller, place));
}
