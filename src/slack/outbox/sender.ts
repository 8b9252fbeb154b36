import { randomId } from '../../core/base/ids.ts';
import { priorities } from '../../core/core.ts';
import type { Core, OutboxMessage, Place } from '../../core/core.ts';
import { botOf } from '../connect/bots.ts';
import type { Bot, Bots } from '../connect/bots.ts';
import { createBudget } from './budget.ts';
import type { Budget, Call, Pace } from './budget.ts';
import { readContent, redirected, withoutBlocks } from './content.ts';
import type { Content } from './content.ts';
import { verdictOn } from './errors.ts';
import { isChannel, isConversation } from './places.ts';
import type { Verdict } from './errors.ts';

/** Sends what the outbox holds. */
export interface Sender {
  /** Something new is in the outbox. */
  wake(): void;
  close(): Promise<void>;
}

export interface SenderDeps {
  core: Pick<Core, 'outbox' | 'log'>;
  bots: Bots;
  pace: Pace;
  events: SenderEvents;
}

export interface SenderEvents {
  /** A message was shown for the first time. */
  posted(message: OutboxMessage): void;
  /** A place does not work. The message goes to its next place, if it has one. */
  placeRefused(message: OutboxMessage, place: Place, error: string): void;
}

/** How often to look for messages that another server or process added. */
const pollMs = 1000;
/** How long a server is the sender of a workspace after it last said so. */
const leaseMs = 15_000;
const pruneMs = 3600_000;
const firstRetryMs = 1000;
const longestRetryMs = 60_000;
/** How many messages to look at: most of them may wait for the same channel. */
const lookAt = 100;

interface State extends SenderDeps {
  holder: string;
  budgets: Map<string, Budget>;
  closed: boolean;
}

/**
 * Starts to send. In each workspace one server sends, and it counts Slack's limits. Progress has a lane of its own, so
 * that a hanging call about progress holds up no decision.
 */
export function startSender(deps: SenderDeps): Sender {
  const state: State = { ...deps, holder: randomId('snd'), budgets: new Map(), closed: false };
  const lanes = new Map<string, Lane>();
  const look = async (): Promise<void> => {
    for (const team of await deps.core.outbox.teams()) {
      for (const isProgress of [false, true]) {
        const key = `${team} ${isProgress}`;
        const lane = lanes.get(key) ?? createLane(state, team, isProgress);
        lanes.set(key, lane);
        if (!state.closed) lane.run();
      }
    }
  };
  let looking: Promise<void> | undefined;
  const wake = (): void => {
    if (state.closed) return;
    looking = (looking ?? Promise.resolve()).then(look).catch((thrown: unknown) => {
      deps.core.log.warn({ err: thrown }, 'the outbox could not be read');
    });
  };
  wake();
  const timer = setInterval(wake, pollMs).unref();
  const prune = (): void => {
    deps.core.outbox.prune().catch((thrown: unknown) => {
      deps.core.log.warn({ err: thrown }, 'old messages could not be removed from the outbox');
    });
  };
  const pruning = setInterval(prune, pruneMs).unref();
  return {
    wake,
    async close() {
      state.closed = true;
      clearInterval(timer);
      clearInterval(pruning);
      await looking;
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
      await deps.core.outbox.release(state.holder).catch((thrown: unknown) => {
        deps.core.log.debug({ err: thrown }, 'the sender of the outbox could not be released');
      });
    },
  };
}

interface Lane {
  /** Sends until nothing may be sent. Does nothing while it runs already. */
  run(): void;
  close(): Promise<void>;
}

function createLane(state: State, team: string, isProgress: boolean): Lane {
  let running: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  const run = (): void => {
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    again = false;
    running = drain(state, team, isProgress)
      .catch((thrown: unknown) => {
        state.core.log.warn({ err: thrown, team }, 'sending from the outbox failed; it is tried again');
        return pollMs;
      })
      .then((waitMs) => {
        running = undefined;
        if (state.closed) return;
        if (again) run();
        else timer = setTimeout(run, Math.min(waitMs, pollMs)).unref();
      });
  };
  return {
    run,
    async close() {
      clearTimeout(timer);
      await running;
    },
  };
}

/** Sends one after the other. Returns how long to wait for the next. */
async function drain(state: State, team: string, isProgress: boolean): Promise<number> {
  const { outbox } = state.core;
  while (!state.closed) {
    const due = await outbox.due(team, isProgress, lookAt);
    if (due.length === 0 || !(await outbox.claim(team, state.holder, leaseMs))) return pollMs;
    const now = Date.now();
    const waits = due.map((message) => waitFor(state, message, now));
    const first = waits.findIndex((wait) => wait <= 0);
    const next = due[first];
    if (!next) return Math.min(...waits);
    await send(state, next);
  }
  return pollMs;
}

function budgetOf({ budgets, pace }: State, team: string): Budget {
  const budget = budgets.get(team) ?? createBudget(pace);
  budgets.set(team, budget);
  return budget;
}

function callOf({ channel, ts, places, place, priority }: OutboxMessage): Call {
  const method = ts === undefined ? 'chat.postMessage' : 'chat.update';
  return { method, channel: channel ?? places[place]?.to ?? '', isProgress: priority >= priorities.progress };
}

function waitFor(state: State, message: OutboxMessage, now: number): number {
  const call = callOf(message);
  const sent = message.sentAt === undefined ? -Infinity : Date.parse(message.sentAt);
  const spacing = call.isProgress ? sent + state.pace.perMessage - now : 0;
  return Math.max(spacing, budgetOf(state, message.team).waitFor(call, now));
}

async function send(state: State, message: OutboxMessage): Promise<void> {
  const { core, bots } = state;
  const { outbox, log } = core;
  try {
    const bot = await botOf(bots, message.team);
    if (!bot) return await fail(state, message, { kind: 'workspace', error: 'not_installed' });
    budgetOf(state, message.team).spend(callOf(message), Date.now());
    const post = await show(bot, message);
    await outbox.sent(message, post);
    if (message.ts === undefined) state.events.posted(message);
  } catch (thrown) {
    const verdict = verdictOn(thrown);
    log.warn({ message: message.id, about: message.about, error: verdict.error }, 'Slack did not take a message');
    await fail(state, message, verdict);
  }
}

async function show(bot: Bot, message: OutboxMessage) {
  const content = contentOf(message);
  try {
    return await call(bot, message, content);
  } catch (thrown) {
    if (verdictOn(thrown).kind !== 'content') throw thrown;
    return call(bot, message, withoutBlocks(content));
  }
}

function contentOf({ wanted = '', place, places }: OutboxMessage): Content {
  const content = readContent(wanted);
  const intended = places[0]?.to;
  return place > 0 && intended !== undefined && isConversation(intended) ? redirected(content, intended) : content;
}

async function call({ once, id }: Bot, { ts, channel, thread, places, place }: OutboxMessage, content: Content) {
  if (ts !== undefined && channel !== undefined) {
    await once.chat.update({ channel, ts, ...content });
    return { team: id, channel, ts };
  }
  const to = thread?.channel ?? places[place]?.to ?? '';
  const { text, blocks, reply_broadcast: isBroadcast = false } = content;
  const message = { channel: to, text, blocks, unfurl_links: false, unfurl_media: false };
  const sent = await once.chat.postMessage(
    thread ? { ...message, thread_ts: thread.ts, reply_broadcast: isBroadcast } : message,
  );
  const post = { team: id, channel: sent.channel ?? to, ts: sent.ts ?? '' };
  // Nobody else can open a direct message, and a reply has its post.
  if (thread || post.channel.startsWith('D') || !isChannel(to)) return post;
  const link = await once.chat.getPermalink({ channel: post.channel, message_ts: post.ts }).catch(() => undefined);
  return { ...post, url: link?.permalink };
}

async function fail(state: State, message: OutboxMessage, verdict: Verdict): Promise<void> {
  const { outbox } = state.core;
  const { kind, error } = verdict;
  const backOff = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(message.failures, 10));
  const place = message.places[message.place];
  switch (kind) {
    case 'limited':
      budgetOf(state, message.team).block(callOf(message).method, Date.now() + verdict.waitMs);
      return outbox.later(message, error, verdict.waitMs);
    case 'place': {
      const moved = message.ts === undefined && (await outbox.nextPlace(message, error));
      if (!moved) await outbox.refuse(message, error);
      if (place) state.events.placeRefused(message, place, error);
      return;
    }
    case 'message':
    case 'content':
      return outbox.refuse(message, error);
    case 'workspace':
      if (message.ts === undefined && (await outbox.nextPlace(message, error))) return;
      return outbox.later(message, error, backOff);
    case 'unclear':
      return outbox.later(message, error, backOff);
  }
}
