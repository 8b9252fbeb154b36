import type { Caller } from '../core/access/caller.ts';
import { isOver } from '../core/approvals/states.ts';
import type { Core } from '../core/core.ts';
import { approvalMessage, outcomeMessage, reminderMessage } from './approval-blocks.ts';
import type { Approval } from './approval-blocks.ts';
import { placeOf } from './bots.ts';
import type { Bot, Bots } from './bots.ts';
import type { LiveMessages } from './live-messages.ts';
import { accountOf, callerOf } from './people.ts';
import type { SlackUser } from './people.ts';
import { post } from './post.ts';
import type { Place } from './post.ts';
import type { SlackMessage } from './text.ts';

export interface ApprovalMessages {
  /** Brings the messages of a request up to date, and posts them where there is none yet. */
  refresh(id: number): Promise<void>;
  close(): Promise<void>;
}

/** How often requests are looked at whose change another server or process made. */
const pollMs = 5000;

interface Parts {
  core: Core;
  bots: Bots;
  live: LiveMessages;
}

/** Shows every request to the people who decide, and keeps what is shown true whoever decides and wherever. */
export function createApprovalMessages(parts: Parts): ApprovalMessages {
  const { core } = parts;
  /** What Slack has, by request: to send nothing twice. */
  const shown = new Map<number, string>();
  /** One look after the other for each request, so that none is posted twice. */
  const turns = new Map<number, Promise<void>>();
  let closed = false;

  const refresh = (id: number): Promise<void> => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(() => (closed ? undefined : show(parts, shown, id)));
    const kept = turn.catch((thrown: unknown) =>
      core.log.warn({ err: thrown, approval: id }, 'the message of a request could not be brought up to date'),
    );
    turns.set(id, kept);
    void kept.then(() => (turns.get(id) === kept ? turns.delete(id) : undefined));
    return kept;
  };
  const poll = async (): Promise<void> => {
    for (const id of await core.approvals.takeReminders()) await remind(parts, id);
    for (const id of new Set([...(await core.approvals.waiting()), ...shown.keys()])) await refresh(id);
  };
  const look = (): void => {
    poll().catch((thrown: unknown) => core.log.warn({ err: thrown }, 'requests could not be looked at'));
  };
  const unsubscribe = core.changes.subscribe(({ kind, id }) => {
    if (kind === 'approval') void refresh(Number(id));
  });
  look();
  const timer = setInterval(look, pollMs);
  timer.unref();
  return {
    refresh,
    async close() {
      closed = true;
      clearInterval(timer);
      unsubscribe();
      await Promise.all(turns.values());
    },
  };
}

async function show(parts: Parts, shown: Map<number, string>, id: number): Promise<void> {
  const { core } = parts;
  const approval = await core.approvals.view(id);
  if (!approval) return;
  const message = approvalMessage(approval);
  const text = JSON.stringify(message);
  const before = shown.get(id);
  if (before === text) return;
  const places = await core.approvals.shownAt(id);
  if (places.length === 0 && approval.state === 'pending') await announce(parts, approval, message);
  for (const { team, channel, ts } of places) {
    const bot = await writer(parts, team);
    await bot?.client.chat.update({ channel, ts, ...message });
  }
  if (!isOver(approval.state)) {
    shown.set(id, text);
    return;
  }
  shown.delete(id);
  // Told by the server that saw it end, and not again after a restart.
  if (before !== undefined) await tellRequester(parts, approval);
}

/** Where everybody sees it, where there is such a place; what is private goes to those who decide. */
async function announce({ core, bots }: Parts, approval: Approval, message: SlackMessage): Promise<void> {
  const { channel } = core.config.slack;
  const users = usersNamed(core, approval.approvers);
  const first = users[0] ?? accountOf(approval.identity);
  const open = channel !== undefined && !approval.private;
  const places: Place[] = open
    ? [{ user: first?.user ?? channel, at: first ?? bots.home ?? {}, channel }]
    : users.map((who) => ({ user: who.user, at: who }));
  for (const place of places) {
    const posted = await post(bots, place, message);
    if (posted) await core.approvals.showedAt(approval.id, posted);
  }
}

/** Below the message, and in the channel too, so that it is seen. */
async function remind(parts: Parts, id: number): Promise<void> {
  const { core } = parts;
  const approval = await core.approvals.view(id);
  if (!approval) return;
  const message = reminderMessage(approval);
  for (const { team, channel, ts } of await core.approvals.shownAt(id)) {
    const bot = await writer(parts, team);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
    await bot?.client.chat.postMessage({ channel, thread_ts: ts, reply_broadcast: true, ...message });
  }
}

function usersNamed({ config }: Core, names: readonly string[]): SlackUser[] {
  const people = config.people.filter(({ name }) => names.includes(name));
  return people.flatMap(({ identities }) => identities.flatMap((identity) => accountOf(identity) ?? []));
}

/** Undefined where the app is not installed any more. */
function writer({ bots }: Parts, team: string | null): Promise<Bot | undefined> {
  return bots.of(team === null ? (bots.home ?? {}) : placeOf(team));
}

async function tellRequester({ core, bots, live }: Parts, approval: Approval): Promise<void> {
  const who = accountOf(approval.identity);
  if (!who) return;
  await post(bots, { user: who.user, at: who }, outcomeMessage(approval));
  const caller: Caller | undefined = await callerOf(core.access, who);
  if (approval.state !== 'done' || approval.instance === undefined || !caller) return;
  const { channel } = core.config.slack;
  await live.follow(approval.instance, caller, {
    user: who.user,
    at: who,
    ...(channel === undefined ? {} : { channel }),
  });
}
